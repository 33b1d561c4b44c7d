"""What a reward is made of: one quantity of a report, with parameters that can't be wrong."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from rewards.reward import Term
from sandboxes.contracts import Contract, Outcome, Profile, Report

LARGEST: Final = 1e6
"""Magnitude beyond which no parameter and no speedup counts, so that sums stay finite."""


def _no_bool(value: Any) -> Any:
    """Refuses what YAML makes of `yes` and `off`, which would quietly be 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False), BeforeValidator(_no_bool)]
NonNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]


class TermFunction(Contract, ABC):
    """A pure function of a report and its history; the fields are its parameters.

    Raises:
        ValidationError: A parameter is unknown or out of range (pydantic's).
    """

    key: ClassVar[str]
    """What YAML calls it."""

    relative: ClassVar[bool] = False
    """Whether it compares with earlier turns, so that its values don't say which turn of an episode is the best."""

    def __call__(self, report: Report, history: Sequence[Report] = ()) -> Term:
        """Returns what it pays for a report that has a verdict, i.e. any outcome but `infrastructure`.

        Args:
            report: The evaluation.
            history: The reports of the episode's earlier turns, oldest first.
        """
        value, note = self.judge(report, history)
        return Term(self.key, value, note)

    @abstractmethod
    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the value, a finite number, and how it came about."""


class PerformanceTerm(TermFunction):
    """Is paid to candidates that are correct, and have been verified at the size that is timed; 0 for all others."""

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns 0 and the reason, or what `measure` says."""
        if report.outcome is not Outcome.OK or report.profile is None:
            return 0.0, incorrect(report)
        if report.speedup is None:
            return 0.0, UNVERIFIED
        return self.measure(report.profile, report.speedup)

    @abstractmethod
    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the value and its note for a verified candidate; `speedup` may be infinite or not a number."""


UNVERIFIED: Final = "not paid: the bench case was not verified"


def incorrect(report: Report) -> str:
    """Returns why a candidate counts as not correct, for notes."""
    return f"C = 0: the outcome is {report.outcome}"
