"""The value of a reward: a number that can always explain itself, because it is the sum of its named terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Protocol

from sandboxes.contracts import Report


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a reward.

    Raises:
        ValueError: `value` is infinite or not a number.
    """

    name: str
    """What it rewards, e.g. `speedup`."""
    value: float
    note: str
    """How the value came about, for people."""

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ValueError(f"the reward term `{self.name}` is {self.value}; every term must be a finite number")


@dataclass(frozen=True, slots=True)
class Reward:
    """What an evaluation is worth."""

    breakdown: tuple[Term, ...]
    """Adds up to `value`. Empty exactly if nothing can be said: the evaluation was lost to an infrastructure fault."""

    @property
    def value(self) -> float | None:
        """Sum of the terms; None means "leave this sample out of every baseline and loss", which 0 does not."""
        return fsum(term.value for term in self.breakdown) if self.breakdown else None


EXCLUDED = Reward(())
"""The reward of an evaluation that the infrastructure lost."""


class RewardFunction(Protocol):
    """A pure function: the same reports always earn the same reward, on any machine."""

    def __call__(self, report: Report, history: Sequence[Report] = ()) -> Reward:
        """Returns what an evaluation is worth.

        Args:
            report: The evaluation; never one that was lost, if the function is called by its name (`NamedReward`).
            history: The reports of the episode's earlier turns, oldest first; lost ones are among them.
        """
        ...
