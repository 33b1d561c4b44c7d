"""What the demo has found, as data: assessments before and after learning, learning curves, and how sure they are."""

import random
from collections.abc import Sequence
from statistics import fmean
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field

RESAMPLES: Final = 2000
MEASURES: Final = ("reward", "correct", "fast_1")
"""Means over all turns: the reward; the share that is correct; the share that is, and as fast as PyTorch at least."""


class _Frozen(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Turn(_Frozen):
    """One candidate."""

    reward: float
    correct: bool
    speedup: float | None
    """Modelled; None if it is not correct."""

    def value(self, measure: str) -> float:
        """Returns its part of one of `MEASURES`."""
        if measure == "fast_1":
            return float(self.correct and self.speedup is not None and self.speedup >= 1.0)
        return float(getattr(self, measure))


class Episode(_Frozen):
    """One assessed episode."""

    problem: str
    turns: tuple[Turn, ...]


class Run(_Frozen):
    """One training, or, without an estimator, the cold start."""

    estimator: str | None
    seed: int
    curve: tuple[float, ...] = ()
    """Mean reward of a turn in each batch."""
    episodes: tuple[Episode, ...]
    """As assessed when it was over."""


class Results(_Frozen):
    """All of it."""

    runs: tuple[Run, ...]
    seconds: Annotated[float, Field(ge=0)]
    """Wall time of the whole demo."""
    evaluations: Annotated[int, Field(ge=0)]
    """Different programs that were judged."""
    asked: Annotated[int, Field(ge=0)]
    """Programs that were submitted."""

    @property
    def estimators(self) -> tuple[str | None, ...]:
        """The cold start (None) first, then in the order of the runs."""
        return tuple(dict.fromkeys(run.estimator for run in self.runs))

    def of(self, estimator: str | None) -> list[Run]:
        """Returns the runs of an estimator, a seed each."""
        return [run for run in self.runs if run.estimator == estimator]


class Estimate(_Frozen):
    """A mean and a 95 % interval."""

    mean: float
    low: float
    high: float


def estimate(runs: Sequence[Run], measure: str, turn: int | None = None) -> Estimate:
    """Returns the mean of a measure with a bootstrap interval.

    The bootstrap draws runs and, within each, episodes of each problem: what would be found with other seeds. Problems
    are not drawn; it says nothing about others. With three runs it is rather too narrow than too wide.

    Args:
        runs: Of one estimator.
        measure: One of `MEASURES`.
        turn: Only this one, counted from 0; None: all turns.
    """
    groups = [_values(run, measure, turn) for run in runs]
    generator = random.Random(0)
    draws = []
    for _ in range(RESAMPLES):
        drawn = [
            fmean(fmean(generator.choices(problem, k=len(problem))) for problem in group)
            for group in generator.choices(groups, k=len(groups))
        ]
        draws.append(fmean(drawn))
    draws.sort()
    return Estimate(
        mean=fmean(fmean(map(fmean, group)) for group in groups),
        low=draws[round(0.025 * (RESAMPLES - 1))],
        high=draws[round(0.975 * (RESAMPLES - 1))],
    )


def _values(run: Run, measure: str, turn: int | None) -> list[list[float]]:
    """Returns each episode's mean, by problem."""
    problems: dict[str, list[float]] = {}
    for episode in run.episodes:
        turns = episode.turns if turn is None else episode.turns[turn : turn + 1]
        if turns:
            problems.setdefault(episode.problem, []).append(fmean(each.value(measure) for each in turns))
    return list(problems.values())
