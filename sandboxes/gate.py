"""Where a verifier is plugged into the pipeline: what it is shown, and when it is asked.

The pipeline knows no rules. It shows a gate every validated trace before anything of it runs, and at the end what was
measured; whatever the gate finds becomes part of the report. `rewards.hacks` provides the gate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from sandboxes.contracts import AtenCall, Case, Finding, Launch, Profile, Severity, Submission, Trace
from sandboxes.dataflow import Dataflow, analyse
from sandboxes.delegation import computing_calls, delegated_calls
from sandboxes.observations import Observations
from sandboxes.operators import OperatorNotAllowed


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A candidate at one case, before anything of it runs; what follows from that is derived once."""

    submission: Submission
    """The source, for what it names: a rule on text alone may only warn."""
    case: Case
    trace: Trace
    flow: Dataflow
    reference: Trace
    """What the reference's own `forward` does at this case."""

    @cached_property
    def launches(self) -> list[tuple[int, Launch]]:
        """All launches with their node index."""
        return [(index, node) for index, node in enumerate(self.trace.nodes) if isinstance(node, Launch)]

    @cached_property
    def live_launches(self) -> list[tuple[int, Launch]]:
        """Launches whose results reach an output."""
        return [(index, launch) for index, launch in self.launches if index in self.flow.live]

    @cached_property
    def live_computations(self) -> list[tuple[int, AtenCall]]:
        """Live ATen calls that compute, with their node index: neither views nor allocations nor fills nor copies."""
        return computing_calls(self.trace, self.flow)

    @cached_property
    def delegated(self) -> list[tuple[int, AtenCall]]:
        """Live ATen calls that do what the problem is about: those that compute, or move data as the reference does."""
        return delegated_calls(self.trace, self.flow, self.reference)

    @cached_property
    def reference_calls(self) -> list[AtenCall]:
        """What of the reference does the problem's work, as in `delegated`; nothing where its flow is not known."""
        flow = self.reference_flow
        return [] if flow is None else [call for _, call in delegated_calls(self.reference, flow, self.reference)]

    @cached_property
    def reference_flow(self) -> Dataflow | None:
        """The dataflow of the reference, or None where it calls operators without a known schema."""
        try:
            return analyse(self.reference)
        except OperatorNotAllowed:
            return None

    def finding(self, rule: str, severity: Severity, evidence: str, line: int | None = None) -> Finding:
        """Returns a finding on this trace."""
        return Finding(rule=rule, severity=severity, evidence=evidence, line=line, case=self.trace.case)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A candidate that is right at every case, and what was measured of it."""

    bench: Evidence
    """The case that is paid for."""
    checks: Sequence[Evidence]
    """The check cases, under the first weight seed."""
    profile: Profile
    observations: Observations
    findings: Sequence[Finding] = ()
    """What was found in the traces."""


class Gate(Protocol):
    """Turns evidence into findings; one that rejects makes the outcome `hack`.

    Raises (both methods):
        DetectorBroken: A rule of somebody else's fails; the evaluation is lost.
        OperatorNotAllowed, TTIRError: The trace is not what the tracer would have made.
    """

    def examine(self, evidence: Evidence) -> Sequence[Finding]:
        """Looks at one validated trace, before anything runs."""
        ...

    def conclude(self, measured: Measured) -> Sequence[Finding]:
        """Looks at what was measured; only asked if every case was right."""
        ...
