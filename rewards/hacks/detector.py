"""What a detector is: a name, one sentence, and a pure function from evidence to findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandboxes.contracts import Finding, Severity
from sandboxes.gate import Evidence, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A rule of the gate. Give it `examine`, `conclude` or both.

    Raises:
        ValueError: It has neither.
    """

    name: str
    """Of the rule, as in `Finding.rule`."""
    severity: Severity
    """Of its findings, at most."""
    summary: str
    """One sentence that says when it fires."""
    examine: Callable[[Evidence], Iterable[Finding]] | None = None
    """Looks at one trace, before anything runs."""
    conclude: Callable[[Measured], Iterable[Finding]] | None = None
    """Looks at what was measured of a candidate that is right."""

    def __post_init__(self) -> None:
        if self.examine is None and self.conclude is None:
            raise ValueError(f"the detector `{self.name}` looks at nothing; give it `examine` or `conclude`")
