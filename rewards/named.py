"""What every reward promises, whoever wrote it: kept here, and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

from rewards.errors import RewardBroken, RewardsError
from rewards.reward import EXCLUDED, Reward, RewardFunction
from sandboxes.contracts import Outcome, Report, TimingFlag


@dataclass(frozen=True, slots=True)
class NamedReward:
    """A reward function under its name. An evaluation that is lost (`is_lost`) has no reward; every other has one."""

    name: str
    summary: str
    """What it pays, in a sentence."""
    function: RewardFunction
    digest: str = ""
    """Of the terms, so that runs can be told apart, if it is a sum from a file or a package, or was registered.

    Empty for ours, whose names say it, and for other functions.
    """

    @property
    def identity(self) -> str:
        """What a run writes down: the name, or `name@digest`."""
        return f"{self.name}@{self.digest}" if self.digest else self.name

    @property
    def relative(self) -> bool:
        """Whether it pays for beating earlier turns: the turn with the highest reward need not be the best one then.

        A sum is if one of its terms is, any other function if it has an attribute `relative` that is true.
        """
        return bool(getattr(self.function, "relative", False))

    def __call__(self, report: Report, history: Sequence[Report] = ()) -> Reward:
        """Returns what an evaluation is worth.

        Args:
            report: The evaluation.
            history: The reports of the episode's earlier turns, oldest first.

        Raises:
            RewardBroken: The function raises, or returns something else than a `Reward` with a value.
        """
        if is_lost(report):
            return EXCLUDED
        try:
            reward = self.function(report, history)
            if not isinstance(reward, Reward):
                raise TypeError(f"it returns a {type(reward).__name__}, not a Reward")
            if reward.value is None:
                raise ValueError(f"it has no value for the outcome {report.outcome}; only infrastructure has none")
        except RewardsError:
            raise
        except Exception as error:
            raise RewardBroken(blame(f"the reward `{self.name}` fails", error)) from error
        return reward


def is_lost(report: Report) -> bool:
    """Returns whether an evaluation says nothing of the candidate: it was lost, or its clocks contradict each other.

    Clocks that contradict each other are our instrument's fault. Paying such a time would pay for the fault, and paying
    0 for it would punish a candidate that may be fast. Evaluations end in `infrastructure` there, so that no report of
    ours is like that; one of somebody else's worker may be.
    """
    profile = report.profile
    if report.outcome is Outcome.INFRASTRUCTURE or profile is None or profile.measurement is None:
        return report.outcome is Outcome.INFRASTRUCTURE
    return TimingFlag.DISAGREEING in profile.measurement.flags


def blame(what: str, error: Exception) -> str:
    """Returns one line that names an error in somebody else's code, and the remedy."""
    first = str(error).strip().partition("\n")[0][:300]
    return f"{what} ({type(error).__name__}: {first}); repair it"


def summary_of(function: object) -> str:
    """Returns the first line of a function's docstring; empty if it has none."""
    return (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
