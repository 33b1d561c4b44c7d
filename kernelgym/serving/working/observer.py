"""Who is told what a worker does, for logs and metrics."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from kernelgym.serving.jobs import Answer, Claim


class Ending(StrEnum):
    """How a worker's turn with a job ended."""

    ADVANCED = "advanced"
    """Sent on to the next station."""
    KEPT = "kept"
    """Goes on to the next station, which is the same worker's."""
    ANSWERED = "answered"
    DISCARDED = "discarded"
    """There was an answer, and somebody else's was first, or nobody waits for it any more."""
    LOST = "lost"
    """Our machinery failed: somebody else tries, and the attempt counts."""
    GIVEN_BACK = "given_back"
    """The worker ends, or the job isn't wanted any more; the attempt does not count."""
    GIVEN_UP = "given_up"
    """The ledger could not be reached for too long: what was found is thrown away, and the job done again."""


class Observer(Protocol):
    """Told by `JobRunner`, in its thread; must not raise and must not block."""

    def began(self, claim: Claim, worker: str) -> None:
        """A worker has taken a job."""
        ...

    def ended(
        self, claim: Claim, worker: str, ending: Ending, answer: Answer | None, timings_s: Mapping[str, float]
    ) -> None:
        """It is done with it; `timings_s` has the wall time of this station, `claim.timings_s` those before."""
        ...

    def trouble(self, worker: str, message: str, claim: Claim | None) -> None:
        """Something of ours went wrong, which is dealt with."""
        ...


class Silent:
    """An `Observer` that says nothing."""

    def began(self, claim: Claim, worker: str) -> None:
        """Does nothing."""

    def ended(
        self, claim: Claim, worker: str, ending: Ending, answer: Answer | None, timings_s: Mapping[str, float]
    ) -> None:
        """Does nothing."""

    def trouble(self, worker: str, message: str, claim: Claim | None) -> None:
        """Does nothing."""
