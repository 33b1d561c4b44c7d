"""What each idea of the executor is worth: the benchmark's kernels with one idea switched off at a time.

An idea is switched off by replacing the function that implements it, in one process, variants in turns.
"""

import math
import os
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks._allocator import like_a_worker
from benchmarks.workloads import Workload, workloads
from sandboxes.ttir import ExecutionOptions, Module, execute, parse
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import Conjunction, Pointer, RuntimeValue, Sum, materialise
from sandboxes.ttir.memory import pointers, transfers
from sandboxes.ttir.operations import arithmetic, reductions
from tests.sandboxes.ttir.frontend import ttir_of

REPEATS = 3
SLOWEST = 200
"""Times slower than the whole executor at which a variant is not repeated."""


def run() -> dict[str, Any]:
    """Returns how many times slower each kernel is without each idea, and the geometric means."""
    like_a_worker()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        kernels = [_measured(load) for load in workloads()]
    finally:
        torch.set_num_threads(threads)
    means = {
        idea: math.exp(statistics.fmean(math.log(kernel["slowdown"][idea]) for kernel in kernels)) for idea in IDEAS
    }
    return {"kernels": kernels, "geometric_mean_slowdown": means, "threads": 1, "load": os.getloadavg()}


def _measured(load: Workload) -> dict[str, Any]:
    text = ttir_of(load.kernel, load.signature, **load.constexprs)
    whole = min(_seconds(text, load, [], ExecutionOptions()) for _ in range(REPEATS))
    slowdown = {}
    for idea, (options, switches) in IDEAS.items():
        times = [_seconds(text, load, switches, options)]
        while len(times) < REPEATS and times[0] < SLOWEST * whole:
            times.append(_seconds(text, load, switches, options))
        slowdown[idea] = min(times) / min(whole, _seconds(text, load, [], ExecutionOptions()))
    return {"name": load.name, "whole_s": whole, "slowdown": slowdown}


def _seconds(
    text: str, load: Workload, switches: list[Callable[[], AbstractContextManager[Any]]], options: ExecutionOptions
) -> float:
    load.reset()
    with ExitStack() as stack:
        for switch in switches:
            stack.enter_context(switch())
        module: Module = parse.__wrapped__(text)  # a plan keeps the functions it was made with: plan anew
        execute(module, (0, 1, 1), load.args)
        started = time.perf_counter()
        execute(module, load.grid, load.args, options=options)
        return time.perf_counter() - started


def _eager_sum(left: Tensor | Sum, right: Tensor | Sum) -> Tensor:
    return materialise(left) + materialise(right)


def _eager_conjunction(left: Tensor | Conjunction, right: Tensor | Conjunction) -> Tensor:
    return materialise(left) & materialise(right)


def _full_broadcast(step: Step, value: RuntimeValue) -> RuntimeValue:
    if isinstance(value, Pointer):
        offset = materialise(value.offset)
        return Pointer(value.buffer, offset.expand(offset.shape[0], *step.shape).contiguous())
    tensor = materialise(value)
    return tensor.expand(tensor.shape[0], *step.shape).contiguous()


def _off(target: Any, name: str, replacement: Any) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(target, name, replacement)


def _entry(name: str, replacement: Any) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.dict("sandboxes.ttir.table.LAZY", {name: replacement})


IDEAS: dict[str, tuple[ExecutionOptions, list[Callable[[], AbstractContextManager[Any]]]]] = {
    "all programs of a chunk at once": (ExecutionOptions(chunk_elements=1), []),
    "strided blocks are views, not gathers": (
        ExecutionOptions(),
        [_off(transfers, "layout", lambda request: None)],
    ),
    "address sums and masks stay lazy": (
        ExecutionOptions(),
        [
            _off(arithmetic, "add", _eager_sum),
            _off(pointers, "add", _eager_sum),
            _off(arithmetic, "conjunction", _eager_conjunction),
        ],
    ),
    "axes of equal values stay size 1": (ExecutionOptions(), [_entry("tt.broadcast", _full_broadcast)]),
    "known combine regions are one call": (
        ExecutionOptions(),
        [lambda: patch.dict(reductions.REDUCTIONS, clear=True), lambda: patch.dict(reductions.SCANS, clear=True)],
    ),
}
