"""What a gate is shown of a candidate, for tests that need no judge."""

from collections.abc import Sequence

from sandboxes.contracts import Argument, CaseKind, Reference, Submission, Trace
from sandboxes.dataflow import analyse
from sandboxes.gate import Evidence
from sandboxes.reference import LiveReference
from sandboxes.reference_trace import trace_reference
from tests.tracer import Tracer, case

REFERENCE = """
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {init}

    def forward(self, {names}):
        return {answer}


def get_init_inputs():
    return []


def get_inputs():
    return [{inputs}]
"""


def reference_graph(
    answer: str, *, init: str = "pass", names: str = "x", inputs: Sequence[str] = ("torch.randn(4, 32)",)
) -> Trace:
    """The graph of a reference whose forward returns `answer`."""
    source = REFERENCE.format(init=init, names=names, answer=answer, inputs=", ".join(inputs))
    live = LiveReference(Reference(id="test", source=source))
    return trace_reference(live, live.cases[-1])


def shown(
    tracer: Tracer,
    source: str,
    *inputs: Argument,
    reference: Trace | None = None,
    kind: CaseKind = CaseKind.BENCH,
) -> Evidence:
    """What a gate sees of `source` on `inputs`, beside a reference that doubles its input if none is given."""
    trace = tracer.trace(source, *inputs)
    return Evidence(
        submission=Submission(source=source),
        case=case(*inputs, kind=kind),
        trace=trace,
        flow=analyse(trace),
        reference=reference or reference_graph("x * 2"),
    )
