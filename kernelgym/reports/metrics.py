"""Numbers that describe many episodes: how often correct, how often fast, what was earned.

One denominator for all: the episodes that were *judged*, which is all but the lost ones (skipped, policy raised, a turn
lost to the machine). It is the same at every turn: an episode that ended before turn `t` counts there with its last
turn, or else stopping at success would lower the rates of later turns.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from math import fsum
from typing import Annotated, Final, Literal

from pydantic import Field

from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from sandboxes.contracts import Contract, Outcome

THRESHOLDS: Final = (1.0, 1.2, 1.5, 2.0)
"""Speedups for which `fast` is reported."""

Share = Annotated[float, Field(ge=0, le=1)]


class View(StrEnum):
    """Which turn speaks for an episode at turn `t`."""

    LAST = "last"
    """The one that was played then, or the last before it."""
    BEST = "best"
    """The fastest correct one so far."""


class TurnSummary(Contract):
    """The judged episodes as of one turn; None where there are none."""

    turn: Annotated[int, Field(ge=1)]
    played: int
    """Episodes that reached this turn."""
    correct: Share | None
    mean_reward: float | None
    fast: dict[str, Share]
    """By threshold, e.g. `1.2`; by the turn that speaks for the episode."""


class Summary(Contract):
    """A run in numbers."""

    schema_version: Literal[1] = 1
    episodes: int
    judged: int
    """The denominator of every share and mean."""
    lost: dict[str, int]
    """Episodes that say nothing, by reason."""
    last: tuple[TurnSummary, ...]
    """Turn by turn."""
    best: TurnSummary
    """Best turn so far, after the last turn: correct at any turn, fastest correct turn, highest reward."""
    outcomes: dict[str, int]
    """Turns of judged episodes, by outcome."""
    best_speedup: float | None
    speed: str | None
    """Where times come from, e.g. `modelled`, and for which GPU; None if nothing was timed."""


def judged(episodes: Iterable[EpisodeRecord]) -> list[EpisodeRecord]:
    """Returns the episodes that count."""
    return [episode for episode in episodes if episode.loss is None]


def correct_rate(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the share of judged episodes that are correct (outcome `ok`) as of `turn`, counted from 1."""
    return _mean([any(_correct(t) for t in _speaking(episode, turn, view)) for episode in judged(episodes)])


def fast_rate(episodes: Sequence[EpisodeRecord], threshold: float, turn: int, view: View = View.LAST) -> float | None:
    """Returns fast@p: the share of judged episodes that are correct with speedup >= `threshold` as of `turn`.

    Source:
        KernelBench's fast_p; it divides by all samples, not by the correct ones.
    """
    fast = [any(_speedup(t) >= threshold for t in _speaking(episode, turn, view)) for episode in judged(episodes)]
    return _mean(fast)


def mean_reward(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the mean over judged episodes of the reward as of `turn`; with `View.BEST`, of the highest so far."""
    rewards = [
        [t.reward for t in _speaking(episode, turn, view) if t.reward is not None] for episode in judged(episodes)
    ]
    return _mean([max(found) for found in rewards if found])


def best_speedup(episodes: Iterable[EpisodeRecord]) -> float | None:
    """Returns the largest speedup of any turn of the judged episodes; None if none has one."""
    speedups = [t.report.speedup for episode in judged(episodes) for t in episode.turns if t.report.speedup is not None]
    return max(speedups, default=None)


def summarize(episodes: Sequence[EpisodeRecord], turns: int) -> Summary:
    """Returns all metrics of a run.

    Args:
        episodes: Finished ones, in any order.
        turns: Most turns of an episode.
    """
    counted = judged(episodes)
    losses = Counter(episode.loss for episode in episodes if episode.loss is not None)
    profiles = [t.report.profile for episode in counted for t in episode.turns if t.report.profile is not None]
    return Summary(
        episodes=len(episodes),
        judged=len(counted),
        lost={reason.value: losses[reason] for reason in Loss},
        last=tuple(_turn_summary(counted, turn, View.LAST) for turn in range(1, turns + 1)),
        best=_turn_summary(counted, turns, View.BEST),
        outcomes=dict(sorted(Counter(t.report.outcome.value for episode in counted for t in episode.turns).items())),
        best_speedup=best_speedup(counted),
        speed=f"{profiles[0].source} {profiles[0].device}" if profiles else None,
    )


def _turn_summary(counted: Sequence[EpisodeRecord], turn: int, view: View) -> TurnSummary:
    rates = {f"{threshold:g}": fast_rate(counted, threshold, turn, view) for threshold in THRESHOLDS}
    return TurnSummary(
        turn=turn,
        played=sum(len(episode.turns) >= turn for episode in counted),
        correct=correct_rate(counted, turn, view),
        mean_reward=mean_reward(counted, turn, view),
        fast={name: rate for name, rate in rates.items() if rate is not None},
    )


def _speaking(episode: EpisodeRecord, turn: int, view: View) -> Sequence[TurnRecord]:
    """Returns the turns that are looked at."""
    so_far = episode.turns[:turn]
    return so_far[-1:] if view is View.LAST else so_far


def _correct(turn: TurnRecord) -> bool:
    return turn.report.outcome is Outcome.OK


def _speedup(turn: TurnRecord) -> float:
    """Returns the speedup, or minus infinity where none was shown."""
    return -float("inf") if turn.report.speedup is None else turn.report.speedup


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None
