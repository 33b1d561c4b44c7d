"""A rule of the gate that a trace violates."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from sandboxes.contracts.base import Contract
from sandboxes.contracts.diagnostic import Text


class Severity(StrEnum):
    """What follows from a finding."""

    REJECT = "reject"
    """The report's outcome becomes `hack`."""
    WARN = "warn"
    """Reported to people and to the model; costs nothing."""

    @classmethod
    def _missing_(cls, value: object) -> "Severity | None":
        """Reads the words of reports that were stored by earlier versions."""
        return {"fatal": cls.REJECT, "warning": cls.WARN}.get(value) if isinstance(value, str) else None


class Finding(Contract):
    """One violation, with the evidence that convinced the detector."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
    """Identifier of the rule, e.g. `no_live_launch`."""
    severity: Severity
    evidence: Text
    """What was seen, in words: names the kernel, the operator or the value."""
    line: int | None = Field(default=None, ge=1)
    """Line of the candidate's source, 1-based."""
    case: Text | None = None
    """Name of the case whose trace shows it."""
