"""Which turns of a problem's episodes are worth learning from."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernelgym.errors import BadUsage
from kernelgym.metrics import UNCOUNTED
from kernelgym.runs.record import EpisodeRecord, TurnRecord
from sandboxes.contracts import Outcome


class LeftOut(StrEnum):
    """Why a turn is not exported."""

    LOST = "lost"
    """It, or its episode, was lost: nothing is known of it. Or there is nothing in it: the policy never answered."""
    WORSE = "worse"
    """Another turn of its episode is better."""
    LIMIT = "limit"
    """Its outcome, reward or speedup is not what was asked for."""
    DUPLICATE = "duplicate"
    """The same candidate was sent elsewhere, for no less reward."""
    ENOUGH = "enough"
    """The problem has as many better ones as may be exported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is exported.

    Raises:
        BadUsage: `max_per_problem` is below 1.
    """

    best: bool = True
    """Only the best turn of each episode."""
    outcomes: frozenset[Outcome] = frozenset()
    """Only turns that ended so; empty: any."""
    min_reward: float | None = None
    min_speedup: float | None = None
    """Turns without a speedup have less than any."""
    distinct: bool = True
    """Of the same candidates to a problem, only the one with the highest reward."""
    max_per_problem: int | None = None
    """The highest rewards, then speedups, then the earliest."""

    def __post_init__(self) -> None:
        if self.max_per_problem is not None and self.max_per_problem < 1:
            raise BadUsage(f"max_per_problem is {self.max_per_problem}; give 1 or more")

    def allow(self, turn: TurnRecord) -> bool:
        """Returns whether a turn is within outcomes, reward and speedup."""
        speedup = turn.report.speedup
        return (
            (not self.outcomes or turn.report.outcome in self.outcomes)
            and (self.min_reward is None or (turn.reward is not None and turn.reward >= self.min_reward))
            and (self.min_speedup is None or (speedup is not None and speedup >= self.min_speedup))
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A turn of an episode of a run."""

    run: str
    episode: EpisodeRecord
    turn: TurnRecord

    @property
    def worth(self) -> tuple[float, float]:
        """What candidates are compared by."""
        return self.turn.reward or 0.0, self.turn.report.speedup or 0.0


def choose(played: Iterable[tuple[str, EpisodeRecord]], limits: Limits) -> tuple[list[Candidate], Counter[LeftOut]]:
    """Returns the turns to export in the order of `played`, and how many were left out, by reason.

    Args:
        played: Names of runs, and all their episodes on one problem.
        limits: What is exported.
    """
    left_out: Counter[LeftOut] = Counter()
    found: list[Candidate] = []
    for run, episode in played:
        for turn in episode.turns:
            if episode.loss in UNCOUNTED or turn.reward is None:
                left_out[LeftOut.LOST] += 1
            elif limits.best and turn.number != episode.best_turn:
                left_out[LeftOut.WORSE] += 1
            elif not limits.allow(turn):
                left_out[LeftOut.LIMIT] += 1
            else:
                found.append(Candidate(run, episode, turn))
    kept = _distinct(found) if limits.distinct else list(range(len(found)))
    left_out[LeftOut.DUPLICATE] = len(found) - len(kept)
    first = sorted(kept, key=lambda index: found[index].worth, reverse=True)[: limits.max_per_problem]
    left_out[LeftOut.ENOUGH] = len(kept) - len(first)
    return [found[index] for index in sorted(first)], +left_out


def _distinct(found: Sequence[Candidate]) -> list[int]:
    """Returns the index of the best turn of each candidate; completions without code are all their own."""
    best: dict[object, int] = {}
    for index, candidate in enumerate(found):
        identity = candidate.turn.report.submission or index
        known = best.setdefault(identity, index)
        if candidate.worth > found[known].worth:
            best[identity] = index
    return sorted(best.values())
