"""Traces candidates in a warm sandbox, for tests: the tests' own process never sees a patched torch."""

import textwrap
from collections.abc import Sequence
from math import prod
from types import TracebackType
from typing import Any

from sandboxes.contracts import (
    Argument,
    AtenCall,
    Case,
    CaseKind,
    EvalConfig,
    Launch,
    Submission,
    TensorSpec,
    Trace,
    TraceFailure,
)
from sandboxes.hardware.targets import get_target
from sandboxes.isolation import ProcessSandbox
from sandboxes.tracing.service import ENTRY, Traced, read_answer, run_tracer

HEADER = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import triton
import triton.language as tl


@triton.jit
def scale_kernel(x_ptr, y_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


def scale(x, factor=2.0):
    y = torch.empty_like(x)
    scale_kernel[(triton.cdiv(x.numel(), 256),)](x, y, x.numel(), factor, BLOCK=256)
    return y

"""
"""Imports and a kernel that multiplies by a number, for candidates to start with."""


def spec(*shape: int, dtype: str = "float32", stride: tuple[int, ...] | None = None, offset: int = 0) -> TensorSpec:
    """A tensor's description; contiguous unless said otherwise."""
    if stride is None:
        stride = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return TensorSpec.model_validate({"shape": shape, "dtype": dtype, "stride": stride, "offset": offset})


def candidate(body: str) -> str:
    """The header and a dedented body."""
    return HEADER + textwrap.dedent(body)


def forward(*statements: str) -> str:
    """A candidate whose `forward(self, x)` has these lines."""
    body = "\n".join(f"        {line}" for statement in statements for line in statement.splitlines())
    return f"{HEADER}\nclass ModelNew(nn.Module):\n    def forward(self, x):\n{body}\n"


def line_of(source: str, fragment: str) -> int:
    """The number of the first line that contains `fragment`."""
    return next(number for number, line in enumerate(source.split("\n"), start=1) if fragment in line)


def case(*inputs: Argument, name: str = "small", kind: CaseKind = CaseKind.CHECK) -> Case:
    """A case with these inputs."""
    return Case(name=name, kind=kind, shape={}, inputs=inputs)


class Tracer:
    """A sandbox that traces, started once."""

    def __init__(self) -> None:
        self.sandbox = ProcessSandbox(ENTRY)

    def __enter__(self) -> "Tracer":
        self.sandbox.warm_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.sandbox.close()

    def run(
        self,
        source: str,
        *inputs: Argument,
        init: Sequence[Argument] = (),
        cases: Sequence[Case] = (),
        target: str = "h200",
        **settings: Any,
    ) -> Traced:
        """Whatever comes of tracing `source` on `inputs` (`float32[4, 32]` if there are none)."""
        cases = cases or (case(*(inputs or (spec(4, 32),))),)
        cases = [item.model_copy(update={"init_inputs": tuple(init)}) for item in cases] if init else cases
        config = EvalConfig.model_validate(settings)
        result = run_tracer(Submission(source=source), cases, config, get_target(target), self.sandbox)
        return read_answer(result, cases, config)

    def trace(self, source: str, *inputs: Argument, **settings: Any) -> Trace:
        """The trace of the first case."""
        traced = self.run(source, *inputs, **settings)
        assert traced.failure is None, traced.failure
        return traced.traces[0]

    def failure(self, source: str, *inputs: Argument, **settings: Any) -> TraceFailure:
        """How tracing fails."""
        traced = self.run(source, *inputs, **settings)
        assert traced.failure is not None, traced.traces
        return traced.failure


def launches(trace: Trace) -> list[Launch]:
    """The trace's launches, in order."""
    return [node for node in trace.nodes if isinstance(node, Launch)]


def calls(trace: Trace) -> list[str]:
    """The names of the ATen operators of a trace, in order, without overloads."""
    return [node.operator.partition("::")[2].partition(".")[0] for node in trace.nodes if isinstance(node, AtenCall)]
