"""What this machine can do, as rows for people: one row per sandbox, compiler or device that was tried."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One thing that was probed by trying it."""

    name: str
    """What was tried, e.g. `compile for h200`."""
    works: bool
    detail: str
    """What was seen: a version, a duration or the error."""
    remedy: str | None = None
    """What to install or change, if it does not work."""
    gaps: tuple[str, ...] = ()
    """What it does not protect against although it works, one clause each."""
