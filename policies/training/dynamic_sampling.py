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
from typing import NamedTuple

from kernelgym.errors import BadUsage


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
    """None: the episode was lost."""


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
    gamma: float = 1.0
    """The discount of the returns; give the estimator's."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise BadUsage(f"rounds is {self.rounds}; give at least 1, or turn resampling off by ties=skip")
        if not self.tolerance >= 0.0:
            raise BadUsage(f"tolerance is {self.tolerance}; give a difference of returns, from 0")
        if not 0.0 <= self.gamma <= 1.0:
            raise BadUsage(f"gamma is {self.gamma}; give a discount, 0 to 1")

    def tied(self, group: Sequence[Judged]) -> bool:
        """Returns whether all counted returns of a group are alike at every turn.

        Also True if fewer than two episodes count: there is nothing to compare.
        """
        return all(
            max(column) - min(column) <= self.tolerance for column in _columns(group, self.gamma) if len(column) > 1
        )


def all_lost(group: Sequence[Judged]) -> bool:
    """Returns whether nothing of a group counts."""
    return not any(any(episode.counted) for episode in group)


def _columns(group: Sequence[Judged], gamma: float) -> list[list[float]]:
    """Returns, for each turn, the returns-to-go of the episodes that count there."""
    columns: list[list[float]] = [[] for _ in range(max((len(episode.rewards) for episode in group), default=0))]
    for episode in group:
        value = 0.0
        for turn in range(len(episode.rewards) - 1, -1, -1):
            reward = episode.rewards[turn]
            value = (0.0 if reward is None else reward) + gamma * value
            if episode.counted[turn]:
                columns[turn].append(value)
    return columns
