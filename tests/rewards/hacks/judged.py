"""Evaluates a candidate for a small problem, in this process, with the gate."""

from collections.abc import Sequence

from rewards.hacks import gate
from sandboxes.contracts import EvalConfig, Reference, Report, Submission
from sandboxes.devices.cuda.simulated.simulated_gpu import SimulatedGpu
from sandboxes.hardware.targets import get_target
from sandboxes.pipeline import Pipeline
from tests.tracer import HEADER, Tracer

REFERENCE = """
import torch
from torch import nn
import torch.nn.functional as F

CHECK_SHAPES = [dict(m=5, n=64), dict(m=16, n=48)]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {init}

    def forward(self, {names}):
        return {answer}


def get_init_inputs():
    return []


def get_inputs(m=256, n=256):
    return [{inputs}]
"""

APPLY = """
@triton.jit
def {name}_kernel({pointers}y_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
{loads}
    tl.store(y_ptr + i, {value}, mask=mask)


def {name}({tensors}):
    y = torch.empty_like(a)
    {name}_kernel[(triton.cdiv(a.numel(), 1024),)]({tensors}, y, a.numel(), BLOCK=1024)
    return y

"""


def pointwise(name: str, value: str, tensors: Sequence[str] = ("a",)) -> str:
    """A kernel and a function `name(*tensors)` that computes `value` for every element of tensors of one shape."""
    return APPLY.format(
        name=name,
        value=value,
        pointers="".join(f"{tensor}_ptr, " for tensor in tensors),
        loads="\n".join(f"    {tensor} = tl.load({tensor}_ptr + i, mask=mask, other=0.0)" for tensor in tensors),
        tensors=", ".join(tensors),
    )


def model(*statements: str, kernels: Sequence[str] = (), names: str = "x", init: str = "pass") -> str:
    """A candidate whose `forward` has these lines."""
    body = "\n".join(f"        {line}" for line in statements)
    head = f"class ModelNew(nn.Module):\n    def __init__(self):\n        super().__init__()\n        {init}\n\n"
    return f"{HEADER}\n{''.join(kernels)}\n{head}    def forward(self, {names}):\n{body}\n"


def judged(
    tracer: Tracer,
    source: str,
    answer: str,
    *,
    names: str = "x",
    init: str = "pass",
    inputs: Sequence[str] = ("torch.randn(m, n)",),
    device: str = "cpu",
) -> Report:
    """The report on `source` as an answer to a reference whose forward returns `answer`; a GPU is simulated."""
    reference = REFERENCE.format(init=init, names=names, answer=answer, inputs=", ".join(inputs))
    pipeline = Pipeline(tracer.sandbox, gate, gpu=lambda: SimulatedGpu(get_target(config.target)))
    config = EvalConfig(seed=7, device=device, measure_timeout_s=0.1)
    return pipeline.evaluate(Submission(source=source), Reference(id="test", source=reference), config)


def rejections(report: Report) -> list[str]:
    """The rules by which a report's candidate was rejected."""
    return [item.rule for item in report.findings if item.severity == "reject"]


def warnings(report: Report) -> list[str]:
    """The rules that warn in a report."""
    return [item.rule for item in report.findings if item.severity == "warn"]
