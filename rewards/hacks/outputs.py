"""Detectors of outputs that nobody computed (hacks 33, 45 to 47: precomputed, constant, pass-through)."""

from rewards.hacks.evidence import Evidence
from sandboxes.contracts import Finding, Severity


def untouched_output(evidence: Evidence) -> list[Finding]:
    """Fires when an output is memory of an input or of a constant that no node has written to."""
    flow = evidence.flow
    untouched = flow.output_storages - flow.written
    if untouched & flow.input_storages:
        return [
            evidence.finding("output_is_input", Severity.REJECT, "an output is an input that nothing was computed into")
        ]
    if untouched & flow.constant_storages:
        text = "an output is a tensor that was made in `__init__`; nothing was computed into it"
        return [evidence.finding("output_is_constant", Severity.REJECT, text)]
    return []


def constant_output(evidence: Evidence) -> list[Finding]:
    """Fires when an output does not depend on any input."""
    flow = evidence.flow
    if not flow.input_storages or flow.output_storages <= flow.tainted:
        return []
    if (flow.output_storages - flow.written) & (flow.constant_storages | flow.input_storages):
        return []  # `untouched_output` says it better
    text = "an output does not depend on any input of `forward`"
    return [evidence.finding("constant_output", Severity.REJECT, text)]
