"""What a detector is: a name, one sentence, and a pure function from evidence to findings."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandboxes.contracts import Finding, Severity
from sandboxes.gate import Evidence, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A rule of the gate. Give it `examine`, `conclude` or both.

    Raises:
        ValueError: It has neither, or its name is none.
    """

    name: str
    """Of the rule, as in `Finding.rule`: lower case letters, digits and underscores."""
    severity: Severity
    """Of its findings, at most."""
    summary: str
    """One sentence that says when it fires."""
    examine: Callable[[Evidence], Iterable[Finding]] | None = None
    """Looks at one trace, before anything runs."""
    conclude: Callable[[Measured], Iterable[Finding]] | None = None
    """Looks at what was measured of a candidate that is right."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{1,63}", self.name):
            raise ValueError(f"`{self.name}` can't name a rule; use lower case letters, digits and underscores")
        if self.examine is None and self.conclude is None:
            raise ValueError(f"the detector `{self.name}` looks at nothing; give it `examine` or `conclude`")
