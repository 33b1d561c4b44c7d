"""How much a ledger keeps: without bounds, a store of a training that runs for weeks would fill the machine."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of a ledger; both kinds know the same."""

    max_open: int = 20_000
    """Jobs without an answer; one more is `TooBusy`."""
    max_answers: int = 50_000
    """Answers kept; the one that was asked for the longest time ago goes first."""
    answer_ttl_s: float = 30 * 86_400.0
    """How long an answer is kept."""
    refusal_ttl_s: float = 600.0
    """How long those who wait can see that a job was cancelled, or ended as `infrastructure`."""
    once_ttl_s: float = 86_400.0
    """How long the first digest of a key is known."""
    max_verdicts: int = 5_000
    """Lines of what happened lately."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a limit that would keep nothing."""
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}; it has to be at least {least}")


_LEAST: Final = {
    "max_open": 1,
    "max_answers": 1,
    "max_verdicts": 1,
    "answer_ttl_s": 0.001,
    "refusal_ttl_s": 0.001,
    "once_ttl_s": 1,
}
