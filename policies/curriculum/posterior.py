"""What is known of a success probability: a Beta distribution.

After `s` successes and `f` failures a prior `Beta(a, b)` is `Beta(a + s, b + f)`. Moments have a closed form, so no
question below needs sampling.
"""

from dataclasses import dataclass
from math import isfinite, prod
from typing import Final, Self

from scipy.special import betainc, betaincinv

from kernelgym.errors import BadUsage

SMALLEST: Final = 1e-3
LARGEST: Final = 1e6
"""Bounds of both parameters, within which all probabilities below are exact to 1e-8."""


@dataclass(frozen=True, slots=True)
class Beta:
    """A distribution over success probabilities.

    Attributes:
        alpha: Successes, real ones and those of the prior; `SMALLEST` to `LARGEST`.
        beta: Failures, likewise.

    Raises:
        BadUsage: A parameter is out of range.
    """

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if not (isfinite(value) and SMALLEST <= value <= LARGEST):
                raise BadUsage(f"{name} of a Beta distribution is {value}; give {SMALLEST:g} to {LARGEST:g}")

    @property
    def mean(self) -> float:
        """The expected success probability."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def variance(self) -> float:
        """How uncertain it is."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total * total * (total + 1.0))

    @property
    def information(self) -> float:
        """`E[p (1 - p)]`, the expected variance of one attempt; at most 1/4."""
        total = self.alpha + self.beta
        return self.alpha * self.beta / (total * (total + 1.0))

    def observed(self, successes: float, failures: float) -> Self:
        """Returns the posterior after these attempts; fractions are attempts that count less."""
        return type(self)(self.alpha + successes, self.beta + failures)

    def below(self, probability: float) -> float:
        """Returns the probability that the success probability is at most `probability`."""
        return float(betainc(self.alpha, self.beta, min(max(probability, 0.0), 1.0)))

    def above(self, probability: float) -> float:
        """Returns the probability that the success probability is at least `probability`."""
        return 1.0 - self.below(probability)

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Returns the credible interval that leaves out `(1 - level) / 2` at each end."""
        tail = (1.0 - level) / 2.0
        low, high = (float(betaincinv(self.alpha, self.beta, end)) for end in (tail, 1.0 - tail))
        return low, high

    def mixed_group(self, size: int) -> float:
        """Returns the probability that a group of `size` attempts has successes and failures.

        Only such a group has rewards of non-zero variance, and so a gradient: `1 - E[p^K] - E[(1 - p)^K]`, where
        `E[p^K]` is the product of `(alpha + i) / (alpha + beta + i)` for `i` from 0 to `K - 1`.

        Raises:
            BadUsage: The size is less than 1.
        """
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise BadUsage(f"the group size is {size!r}; give a whole number from 1")
        total = self.alpha + self.beta
        all_succeed = prod((self.alpha + i) / (total + i) for i in range(size))
        all_fail = prod((self.beta + i) / (total + i) for i in range(size))
        return max(0.0, 1.0 - all_succeed - all_fail)


UNIFORM: Final = Beta(1.0, 1.0)
"""Every success probability is as likely as every other."""
