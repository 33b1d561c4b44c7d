"""Verdicts on difficulty: by the probability that a problem is too easy or impossible, never by a single attempt."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernelgym.errors import BadUsage
from policies.curriculum.book import DifficultyBook


class Verdict(StrEnum):
    """How much a policy can learn from a problem now, from the easiest on."""

    TOO_EASY = "too easy"
    """Almost surely solved nearly always: groups are all successes."""
    EASY = "easy"
    """Mostly solved."""
    INFORMATIVE = "informative"
    """Sometimes solved: groups are mixed."""
    HARD = "hard"
    """Seldom or never solved, but it may not be hopeless."""
    IMPOSSIBLE = "impossible so far"
    """Almost surely solved next to never: groups are all failures. A better policy may do better."""
    UNKNOWN = "unknown"
    """Too little evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Where verdicts begin.

    Raises:
        BadUsage: They are not in order, or no probabilities.
    """

    too_easy: float = 0.9
    """Success probability beyond which a problem teaches nothing."""
    impossible: float = 0.05
    """Success probability below which a problem teaches nothing."""
    easy: float = 0.8
    """Expected success probability from which a problem is called easy."""
    hard: float = 0.2
    """Expected success probability up to which a problem is called hard."""
    confidence: float = 0.8
    """Posterior probability that is needed to call a problem too easy or impossible."""
    minimum: float = 8.0
    """Attempts, each weighted by its age, that are needed for any verdict."""

    def __post_init__(self) -> None:
        if not 0.0 < self.impossible <= self.hard < self.easy <= self.too_easy < 1.0:
            raise BadUsage(
                f"the thresholds impossible {self.impossible}, hard {self.hard}, easy {self.easy} and "
                f"too easy {self.too_easy} are not in this order between 0 and 1; correct them"
            )
        if not 0.5 <= self.confidence < 1.0:
            raise BadUsage(f"the confidence is {self.confidence}; give at least 0.5 and less than 1")
        if not 1.0 <= self.minimum < float("inf"):
            raise BadUsage(f"the minimum of evidence is {self.minimum} attempts; give at least 1")


USUAL: Final = Thresholds()


def judge_difficulty(book: DifficultyBook, problem: str, thresholds: Thresholds = USUAL) -> Verdict:
    """Returns the verdict on a problem as of the book's step."""
    if book.evidence(problem).weight < thresholds.minimum:
        return Verdict.UNKNOWN
    belief = book.posterior(problem)
    if belief.above(thresholds.too_easy) >= thresholds.confidence:
        return Verdict.TOO_EASY
    if belief.below(thresholds.impossible) >= thresholds.confidence:
        return Verdict.IMPOSSIBLE
    if belief.mean >= thresholds.easy:
        return Verdict.EASY
    return Verdict.HARD if belief.mean <= thresholds.hard else Verdict.INFORMATIVE
