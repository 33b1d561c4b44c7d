"""The gate: every detector looks at every trace; one that rejects makes the outcome `hack`."""

from collections.abc import Callable

from rewards.hacks.evidence import Evidence
from rewards.hacks.launches import copy_only_launches, dead_launch, no_live_launch
from rewards.hacks.outputs import constant_output, untouched_output
from sandboxes.contracts import Finding, Trace

Detector = Callable[[Evidence], list[Finding]]
"""A pure function from the evidence in one trace to findings."""

DETECTORS: tuple[Detector, ...] = (
    no_live_launch,
    dead_launch,
    copy_only_launches,
    untouched_output,
    constant_output,
)
"""In the order in which their findings are reported."""


def gate(trace: Trace) -> list[Finding]:
    """Returns the findings of all detectors on one trace.

    Raises:
        OperatorNotAllowed: The trace calls an operator without a known schema.
        TTIRSyntaxError: A kernel can't be parsed.
    """
    evidence = Evidence(trace)
    return [finding for detector in DETECTORS for finding in detector(evidence)]
