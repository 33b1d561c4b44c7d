"""How sure a mean is: bootstrap over problems.

Samples of one problem resemble each other, so problems are drawn, with all of their samples, and not samples (a
cluster bootstrap). With a single problem its samples are drawn; the interval then speaks of that problem only. Draws
come from a fixed seed: the same episodes give the same interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, fsum, nan, sqrt
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from kernelgym.metrics.board import Array
from sandboxes.contracts import Contract

RESAMPLES: Final = 2000
"""Draws; fewer of more than 4,000 problems, whose intervals are narrow and whose draws would fill the memory."""

LEAST: Final = 200
MAX_DRAWN: Final = 2**23
"""Resamples times problems, unless that would leave fewer than `LEAST` resamples."""

SEED: Final = 0
CONFIDENCE: Final = 0.95
Z: Final = 1.959963984540054
"""Quantile of the normal distribution for `CONFIDENCE`, two-sided."""

DIGITS: Final = 6
"""Significant digits of interval bounds: fewer than where two linear algebra libraries differ."""

SAME: Final = 1e-9
"""Distance of the bounds of a share up to which its resamples do not differ but by rounding."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Estimate(Contract):
    """A number, and between which numbers it lies at 95 % confidence."""

    value: Finite | None
    """None if nothing is known."""
    low: Finite | None
    """None where there is nothing to resample: fewer than two problems or samples with a value, and no share."""
    high: Finite | None
    n: Annotated[int, Field(ge=0)]
    """Over how many samples, or problems for `@k`."""


NOTHING: Final = Estimate(value=None, low=None, high=None, n=0)


class Resampling:
    """Resamples of a set of episodes, drawn once and used for all of its metrics.

    Args:
        problems: Of each episode.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        units = sorted(set(problems))
        index = {unit: number for number, unit in enumerate(units)}
        single = len(units) == 1
        self._unit = np.arange(len(problems)) if single else np.array([index[problem] for problem in problems], int)
        self._units = len(problems) if single else len(units)
        self._draws = _draw(self._units)

    @property
    def resamples(self) -> int:
        """How many there are."""
        return len(self._draws)

    def shares(self, *columns: Array) -> list[Estimate]:
        """Returns the means of columns of zeros, ones and NaN, which stands for an episode that does not count.

        Where the resamples do not differ, such as with no success at all, the bootstrap knows nothing: the bounds are
        Wilson's then, for as many observations as there are problems.
        """
        found = []
        for mean in self._means(columns):
            same = mean.high - mean.low < SAME
            low, high = wilson(mean.value, mean.units) if same else (mean.low, mean.high)
            found.append(replace(mean, low=low, high=high).estimate())
        return found

    def means(self, *columns: Array) -> list[Estimate]:
        """Returns the means of columns of numbers and NaN."""
        return [mean.estimate(bounded=mean.units > 1) for mean in self._means(columns)]

    def geometric_means(self, *logarithms: Array) -> list[Estimate]:
        """Returns the geometric means of columns that are given by their natural logarithms."""
        means = self._means(logarithms)
        found = [replace(mean, value=exp(mean.value), low=exp(mean.low), high=exp(mean.high)) for mean in means]
        return [mean.estimate(bounded=mean.units > 1) for mean in found]

    def _means(self, columns: Sequence[Array]) -> list["_Mean"]:
        values = np.stack(columns, axis=1)
        known = ~np.isnan(values)
        sums, counts = np.zeros((2, self._units, len(columns)))
        np.add.at(sums, self._unit, np.where(known, values, 0.0))
        np.add.at(counts, self._unit, known)
        with np.errstate(invalid="ignore"):  # a resample without any value is NaN
            low, high = _percentiles((self._draws @ sums) / (self._draws @ counts))
        found = []
        for column in range(len(columns)):
            numbers = values[known[:, column], column].tolist()
            value = fsum(numbers) / len(numbers) if numbers else nan
            units = int(np.count_nonzero(counts[:, column]))
            found.append(_Mean(value=value, low=low[column], high=high[column], n=len(numbers), units=units))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    """A mean and its percentiles; NaN without any value."""

    value: float
    low: float
    high: float
    n: int
    units: int
    """Problems that have a part in it, or samples if there is one problem."""

    def estimate(self, *, bounded: bool = True) -> Estimate:
        """Returns it with short bounds, between which its value lies in spite of rounding."""
        if not self.n:
            return NOTHING
        low, high = (min(self.value, _short(self.low)), max(self.value, _short(self.high))) if bounded else (None, None)
        return Estimate(value=self.value, low=low, high=high, n=self.n)


@lru_cache(maxsize=2)
def _draw(units: int) -> Array:
    """Returns how often each unit is in each resample."""
    if not units:
        return np.zeros((RESAMPLES, 0))
    size = min(RESAMPLES, max(LEAST, MAX_DRAWN // units))
    return np.random.default_rng(SEED).multinomial(units, np.full(units, 1 / units), size=size).astype(np.float64)


def wilson(share: float, observations: int) -> tuple[float, float]:
    """Returns Wilson's interval of a share of so many independent observations.

    Source:
        Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference.
    """
    scale = 1 + Z**2 / observations
    middle = (share + Z**2 / (2 * observations)) / scale
    width = Z * sqrt(share * (1 - share) / observations + Z**2 / (4 * observations**2)) / scale
    return max(0.0, middle - width), min(1.0, middle + width)


def _percentiles(draws: Array) -> tuple[Array, Array]:
    """Returns the bounds of the middle 95 % of each column, linearly interpolated; NaN is left out."""
    ordered = np.sort(draws, axis=0)
    most = np.maximum((~np.isnan(ordered)).sum(axis=0) - 1, 0)
    columns = np.arange(ordered.shape[1])
    bounds = []
    for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2):
        place = share * most
        below = np.floor(place).astype(int)
        above = np.minimum(below + 1, most)
        low, high = ordered[below, columns], ordered[above, columns]
        bounds.append(low + (place - below) * (high - low))
    return bounds[0], bounds[1]


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
