"""What detectors look at: a trace with its dataflow, derived once."""

from functools import cached_property

from sandboxes.contracts import AtenCall, Finding, Launch, Severity, Trace
from sandboxes.dataflow import Dataflow, analyse
from sandboxes.operators import operator


class Evidence:
    """A trace and what follows from it.

    Args:
        trace: A validated trace.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.flow: Dataflow = analyse(trace)

    @cached_property
    def launches(self) -> list[tuple[int, Launch]]:
        """All launches with their node index."""
        return [(index, node) for index, node in enumerate(self.trace.nodes) if isinstance(node, Launch)]

    @cached_property
    def live_launches(self) -> list[tuple[int, Launch]]:
        """Launches whose results reach an output."""
        return [(index, launch) for index, launch in self.launches if index in self.flow.live]

    @cached_property
    def live_computations(self) -> list[AtenCall]:
        """Live ATen calls that compute: neither views nor allocations nor fills nor copies."""
        return [
            node
            for index, node in enumerate(self.trace.nodes)
            if isinstance(node, AtenCall) and index in self.flow.live and _computes(node)
        ]

    def finding(self, rule: str, severity: Severity, evidence: str, line: int | None = None) -> Finding:
        """Returns a finding on this trace."""
        return Finding(rule=rule, severity=severity, evidence=evidence, line=line, case=self.trace.case)


MOVES = (
    "empty",
    "new_",
    "zeros",
    "ones",
    "full",
    "fill_",
    "zero_",
    "copy_",
    "clone",
    "_to_copy",
    "arange",
    "lift_fresh",
)
"""Prefixes of operators that only allocate, fill or move."""


def _computes(call: AtenCall) -> bool:
    name = call.operator.partition("::")[2]
    is_view = (
        any(alias is not None for alias in operator(call.operator).aliases) and not operator(call.operator).written
    )
    return not is_view and not name.startswith(MOVES)
