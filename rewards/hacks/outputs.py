"""Detectors of outputs that nobody computed (hacks 33, 45 to 47, 58: precomputed, constant, pass-through, ignored)."""

from collections.abc import Iterator

from rewards.hacks.detector import Detector
from sandboxes.contracts import Finding, Severity, Trace, references
from sandboxes.dataflow import Dataflow, tainted_by
from sandboxes.gate import Evidence


def _output_is_input(evidence: Evidence) -> Iterator[Finding]:
    flow = evidence.flow
    for position in _untouched(evidence.trace, flow, flow.input_storages):
        reference = evidence.reference_flow
        if reference is None or position not in _untouched(evidence.reference, reference, reference.input_storages):
            text = f"output {position} is an input that nothing was computed into"
            yield evidence.finding("output_is_input", Severity.REJECT, text)
            return


def _output_is_constant(evidence: Evidence) -> Iterator[Finding]:
    flow = evidence.flow
    for position in _untouched(evidence.trace, flow, flow.constant_storages):
        reference = evidence.reference_flow
        if reference is None or position not in _untouched(evidence.reference, reference, reference.constant_storages):
            text = f"output {position} is a tensor that was made in `__init__`; nothing was computed into it"
            yield evidence.finding("output_is_constant", Severity.REJECT, text)
            return


def _constant_output(evidence: Evidence) -> Iterator[Finding]:
    flow, reference = evidence.flow, evidence.reference_flow
    if not flow.input_storages:
        return
    independent = set() if reference is None else _independent(evidence.reference, reference, reference.input_storages)
    untouched = _untouched(evidence.trace, flow, flow.input_storages | flow.constant_storages)
    for position in sorted(_independent(evidence.trace, flow, flow.input_storages) - independent - set(untouched)):
        text = f"output {position} does not depend on any input of `forward`"
        yield evidence.finding("constant_output", Severity.REJECT, text)
        return


def _ignored_input(evidence: Evidence) -> Iterator[Finding]:
    reference = evidence.reference_flow
    theirs, ours = references(evidence.reference.inputs), references(evidence.trace.inputs)
    if reference is None or len(theirs) != len(ours):
        return
    for position, (their_id, our_id) in enumerate(zip(theirs, ours, strict=True)):
        matters = reference.output_storages & tainted_by(reference, frozenset({reference.storage[their_id]}))
        if matters and not evidence.flow.output_storages & tainted_by(
            evidence.flow, frozenset({evidence.flow.storage[our_id]})
        ):
            shape = list(evidence.trace.values[our_id].shape)
            text = f"tensor {position} of the inputs, of shape {shape}, reaches an output in the reference but not here"
            yield evidence.finding("ignored_input", Severity.WARN, text)
            return


def _outputs(trace: Trace, flow: Dataflow) -> list[int]:
    return [flow.storage[id_] for id_ in references((trace.output,))]


def _untouched(trace: Trace, flow: Dataflow, storages: frozenset[int]) -> list[int]:
    """Returns the positions of the outputs that are one of these storages, and that no live node writes to."""
    left = storages - flow.written
    return [position for position, storage in enumerate(_outputs(trace, flow)) if storage in left]


def _independent(trace: Trace, flow: Dataflow, storages: frozenset[int]) -> set[int]:
    """Returns the positions of the outputs that do not depend on these storages."""
    tainted = tainted_by(flow, storages)
    return {position for position, storage in enumerate(_outputs(trace, flow)) if storage not in tainted}


OUTPUTS = (
    Detector(
        name="output_is_input",
        severity=Severity.REJECT,
        summary="An output is the memory of an input that nothing was computed into, and the reference's is not.",
        examine=_output_is_input,
    ),
    Detector(
        name="output_is_constant",
        severity=Severity.REJECT,
        summary="An output is a tensor of `__init__` that nothing was computed into, and the reference's is not.",
        examine=_output_is_constant,
    ),
    Detector(
        name="constant_output",
        severity=Severity.REJECT,
        summary="An output depends on no input, and the reference's does.",
        examine=_constant_output,
    ),
    Detector(
        name="ignored_input",
        severity=Severity.WARN,
        summary="An input reaches an output of the reference, but none of the candidate.",
        examine=_ignored_input,
    ),
)
