"""The gate: every detector looks at every candidate; one finding that rejects makes the outcome `hack`."""

from collections.abc import Iterable, Sequence

from rewards.hacks.registry import ask, list_detectors
from rewards.hacks.source import tripwires
from sandboxes.contracts import Finding, Severity, clip
from sandboxes.gate import Evidence, Measured

MAX_EVIDENCE = 3_500
"""Characters of a finding's evidence that are kept before the source is quoted."""


class Detectors:
    """Implements `sandboxes.gate.Gate` by asking all detectors."""

    def examine(self, evidence: Evidence) -> Sequence[Finding]:
        """Returns what is found in one trace."""
        found = [item for detector in list_detectors() for item in ask(detector, detector.examine, evidence)]
        return with_intent(found, evidence.submission.source)

    def conclude(self, measured: Measured) -> Sequence[Finding]:
        """Returns what is found in the measurements."""
        found = [item for detector in list_detectors() for item in ask(detector, detector.conclude, measured)]
        return with_intent(found, measured.bench.submission.source)


gate = Detectors()
"""What the pipeline is given."""


def with_intent(findings: Iterable[Finding], source: str) -> list[Finding]:
    """Returns the findings; those that reject also say what the source suggests."""
    wires = tripwires(source)
    words = "; ".join(f"the source also {words}, line {line}" for _, words, line in wires[:3])
    return [
        item.model_copy(update={"evidence": f"{clip(item.evidence, MAX_EVIDENCE)}; {words}"})
        if words and item.severity is Severity.REJECT
        else item
        for item in findings
    ]
