"""Groups that teach nothing, because all their returns are alike: left alone, skipped, or drawn anew.

A group is compared turn by turn, so it is tied only if the returns-to-go are alike at every turn; two episodes that end
equally well but got there differently are not. (Dr.Kernel's released code asks the last turn's reward alone, and so
throws away groups that differ in earlier turns; it also ends the training when no group is left.)

Source:
    Dynamic sampling: DAPO, arXiv 2503.14476, section 3.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Self

from kernelgym.errors import BadUsage

if TYPE_CHECKING:
    from policies.advantages import AdvantageOptions


class Ties(StrEnum):
    """What is done about a group without variance."""

    OFF = "off"
    """Nothing: its advantages are 0, but its tokens are part of the loss's denominator."""
    SKIP = "skip"
    """Its turns are taken out of the loss."""
    RESAMPLE = "resample"
    """It is drawn anew, a few times at most; what is tied then is skipped."""


class Judged(NamedTuple):
    """What a group is judged by: one of its episodes, without its texts."""

    rewards: tuple[float | None, ...]
    counted: tuple[bool, ...]
    success: bool | None
    """None: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What of a group's returns is compared: the conventions of the estimator that will be given them."""

    gamma: float = 1.0
    per_turn: bool = True
    """False: the returns of whole episodes alone."""
    ended_is_zero: bool = False
    """True: an episode that ended before a turn is compared there, with the return 0."""
    alone_is_raw: bool = False
    """True: who has nobody to be compared with gets the return itself."""

    @classmethod
    def of(cls, options: "AdvantageOptions") -> Self:
        """Returns what an estimator with these options compares."""
        return cls(
            gamma=options.gamma,
            per_turn=options.estimator.per_turn,
            ended_is_zero=options.ended == "zero",
            alone_is_raw=options.alone == "raw",
        )

    def columns(self, group: Sequence[Judged]) -> list[list[float]]:
        """Returns, for each turn, the returns-to-go that are compared there; one list if episodes are."""
        turns = max((len(episode.rewards) for episode in group), default=0)
        columns: list[list[float]] = [[] for _ in range(turns)]
        for episode in group:
            value = 0.0
            going = False
            for turn in range(turns - 1, -1, -1):
                counted = turn < len(episode.counted) and episode.counted[turn]
                going = going or counted
                value = ((episode.rewards[turn] or 0.0) if counted else 0.0) + self.gamma * value
                waiting = self.ended_is_zero and not going and any(episode.counted)
                if counted or waiting or (turn == 0 and going and not self.per_turn):
                    columns[turn].append(value)
        return columns if self.per_turn else columns[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicSampling:
    """When a group is tied, and what is done about it.

    Raises:
        BadUsage: A number is out of range.
    """

    ties: Ties = Ties.OFF
    rounds: int = 2
    """With `resample`: how often a batch's tied groups are drawn anew at most."""
    tolerance: float = 1e-6
    """Returns that differ by no more than this are alike. Set it to the noise of the reward where that is measured."""
    compared: Comparison = Comparison()
    """Give the estimator's: a group is tied if the estimator would find nothing to learn in it."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise BadUsage(f"rounds is {self.rounds}; give at least 1, or no resampling: ties=skip")
        if not 0.0 <= self.tolerance < inf:
            raise BadUsage(f"tolerance is {self.tolerance}; give a difference of returns, from 0")

    def tied(self, group: Sequence[Judged]) -> bool:
        """Returns whether all returns that are compared are alike; also True if nothing is there to compare."""
        return all(self._alike(column) for column in self.compared.columns(group))

    def _alike(self, column: Sequence[float]) -> bool:
        if len(column) == 1 and self.compared.alone_is_raw:
            return abs(column[0]) <= self.tolerance
        return not column or max(column) - min(column) <= self.tolerance


def all_lost(group: Sequence[Judged]) -> bool:
    """Returns whether nothing of a group counts."""
    return not any(any(episode.counted) for episode in group)
