"""Terms that look at the speedup: the reference's time over the candidate's.

A candidate that is slower than the reference must not gain by keeping the size that is timed from being verified, so
terms that can be negative pay an unverified candidate like the slowest.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite, isnan, log2
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, model_validator

from rewards.terms.base import LARGEST, NonNegative, Number, PerformanceTerm, Positive, TermFunction, incorrect
from sandboxes.contracts import Outcome, Profile, Report

SPEEDUP_CAP: Final = 3.0
"""Largest speedup that pays (Eq. 1); above it, a slow reference would outweigh everything that can be learned."""

NO_NUMBERS: Final = "the profile's times are not numbers"


class Speedup(PerformanceTerm):
    """Pays `min(T_ref / T, cap)`, and 0 below `floor`. Linear: half as fast as the reference still pays 0.5.

    Source:
        Dr.Kernel, Eq. 1, with cap 3; its released code has a lower bound, too, which the recipe sets to 0. Kevin's
        reward has no cap.
    """

    key: ClassVar[str] = "speedup"

    cap: Positive | None = SPEEDUP_CAP
    """None: no cap (but 1e6)."""
    floor: NonNegative = 0.0

    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the capped speedup."""
        if isnan(speedup):
            return 0.0, NO_NUMBERS
        if speedup < self.floor:
            return 0.0, f"{speedup:.3g} is below {self.floor:g}"
        if self.cap is None:
            return min(speedup, LARGEST), f"{speedup:.3g} times as fast as the reference"
        return min(speedup, self.cap), f"min({speedup:.3g}, {self.cap:g})"


class FastP(PerformanceTerm):
    """Pays 1 if the speedup is at least `p`, else 0.

    Source:
        KernelBench's fast_p is its mean over samples (KernelBench asks for more than `p`; here, as in our metrics,
        exactly `p` is enough). Dr.Kernel's released code has it with 1.01 in one of its rewards.
    """

    key: ClassVar[str] = "fast_p"

    p: NonNegative = 1.0

    def measure(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the indicator."""
        return float(speedup >= self.p), f"{speedup:.3g} times as fast as the reference, {self.p:g} is asked"


class SpeedupSteps(TermFunction):
    """Pays by steps of the speedup, `below` under the lowest of them (or if it was not verified), 0 for failures.

    Source:
        Dr.Kernel's released code, `calculate_reward_like_kernel`.
    """

    key: ClassVar[str] = "speedup_steps"

    steps: Annotated[tuple[tuple[NonNegative, Number], ...], Field(min_length=1, max_length=32)] = (
        (1.0, 0.2), (1.2, 0.4), (1.5, 0.6), (2.0, 0.8), (3.0, 1.0),
    )  # fmt: skip
    """Pairs of the speedup from which, and what is paid; both rise."""
    below: Number = -0.1

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        stairs = ((-1.0, self.below), *self.steps)
        for (low, less), (high, more) in pairwise(stairs):
            if low >= high or less > more:
                raise ValueError(f"the step [{high:g}, {more:g}] does not rise above what is before it; sort the steps")
        return self

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the value of the highest step that is reached."""
        if report.outcome is not Outcome.OK:
            return 0.0, incorrect(report)
        if report.speedup is None:
            return self.below, "paid as the slowest: the bench case was not verified"
        reached = [step for step in self.steps if report.speedup >= step[0]]
        if not reached:
            return self.below, f"{report.speedup:.3g} times as fast as the reference, below {self.steps[0][0]:g}"
        return reached[-1][1], f"{report.speedup:.3g} times as fast as the reference, at least {reached[-1][0]:g}"


class Log2Speedup(TermFunction):
    """Pays `log2` of the speedup between `low` and `high`, and no gain inside its confidence interval.

    With the interval `[l, h]` around the speedup `s`:

        clip(max(log2 l, 0) + min(log2 s, 0), low, high)

    A gain is what is certain of it, a loss is paid in full, so that a noisier candidate never has more of it. The
    interval is the profile's, if its times were measured (`Profile.speedup_interval`); a model has none, and `noise`
    stands in: `l = s / (1 + noise)`. Doubling the speed pays the same wherever one starts.

    Source:
        Our own; the logarithm limits what a slow reference can pay, and the variance.
    """

    key: ClassVar[str] = "log2_speedup"

    low: Annotated[Number, Field(le=0)] = -1.0
    """For whatever is slower than `2 ** low` times the reference, and for what was not verified."""
    high: NonNegative = 2.0
    noise: NonNegative = 0.02
    """By how much a speedup without an interval has to exceed 1; a convention, not a measurement of the model."""

    def judge(self, report: Report, history: Sequence[Report]) -> tuple[float, str]:
        """Returns the certain gain, or the loss."""
        if report.outcome is not Outcome.OK or report.profile is None:
            return 0.0, incorrect(report)
        speedup = report.speedup
        if speedup is None:
            return self.low, "paid as the slowest: the bench case was not verified"
        if isnan(speedup) or speedup <= 0:
            return self.low, NO_NUMBERS if isnan(speedup) else "it is infinitely slower than the reference"
        certain, origin = self._certain(report.profile, speedup)
        note = f"log2 of {speedup:.3g}"
        if certain > 1:
            value, note = log2(min(certain, LARGEST)), f"{note}, of which {certain:.3g} is certain ({origin})"
        elif speedup >= 1:
            value, note = 0.0, f"{speedup:.3g} is within the noise of 1 ({origin})"
        else:
            value = log2(max(speedup, 1 / LARGEST))
        return min(max(value, self.low), self.high), f"{note}, between {self.low:g} and {self.high:g}"

    def _certain(self, profile: Profile, speedup: float) -> tuple[float, str]:
        """Returns the least speedup that is not noise, and where that comes from."""
        if profile.speedup_interval is not None and isfinite(speedup):
            low, high = profile.speedup_interval
            return min(low, speedup), f"interval {low:.3g} to {high:.3g}"
        return speedup / (1 + self.noise), f"noise {self.noise:.1%}"
