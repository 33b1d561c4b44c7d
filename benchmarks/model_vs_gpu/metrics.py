"""How good modelled times are, as numbers: plain functions of two lists."""

import itertools
import math
import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scipy.stats import spearmanr

from benchmarks.model_vs_gpu.record import Kernel, Times

CLEARLY: Final = 1.2
"""Ratio of measured times from which their order is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Pairs in the same order."""

    same: int
    pairs: int

    @property
    def share(self) -> float | None:
        """None where there is nothing to order."""
        return round(self.same / self.pairs, 4) if self.pairs else None


def rank_correlation(modelled: Sequence[float], measured: Sequence[float]) -> float | None:
    """Returns Spearman's rho; None where one side has nothing to order."""
    if len(set(modelled)) < 2 or len(set(measured)) < 2:
        return None
    return float(spearmanr(modelled, measured).statistic)


def error(modelled: float, measured: float) -> float:
    """Returns the relative error of a time."""
    return abs(modelled / measured - 1)


def median_error(modelled: Sequence[float], measured: Sequence[float]) -> float:
    """Returns the median of the relative errors.

    Raises:
        statistics.StatisticsError: There are none.
    """
    return statistics.median(error(one, other) for one, other in zip(modelled, measured, strict=True))


def same_order(
    modelled: Sequence[float], measured: Sequence[float], groups: Sequence[Hashable], *, clearly: float = CLEARLY
) -> Agreement:
    """Counts pairs of one group that differ clearly when measured, and those that the model has in the same order.

    A tie of modelled values is not the same order.
    """
    same = pairs = 0
    for one, other in itertools.combinations(range(len(measured)), 2):
        low, high = sorted((one, other), key=lambda index: measured[index])
        if groups[one] != groups[other] or measured[high] <= clearly * measured[low]:
            continue
        pairs += 1
        same += modelled[low] < modelled[high]
    return Agreement(same=same, pairs=pairs)


def inside(values: Sequence[float], bands: Sequence[tuple[float, float] | None]) -> float | None:
    """Returns the share of values inside of their bands; values without one do not count."""
    told = [band[0] <= value <= band[1] for value, band in zip(values, bands, strict=True) if band is not None]
    return round(sum(told) / len(told), 4) if told else None


def summary(kernels: Sequence[Kernel], modelled: Sequence[Times]) -> dict[str, Any]:
    """Returns all numbers of some kernels, with what the model says of each."""
    mine, real = [each.candidate_us for each in modelled], [each.measured.candidate_us for each in kernels]
    references, real_references = (
        [each.reference_us for each in modelled],
        [each.measured.reference_us for each in kernels],
    )
    speedups, real_speedups = [each.speedup for each in modelled], [each.measured.speedup for each in kernels]
    competitors = same_order(mine, real, [each.problem for each in kernels])
    everybody = same_order(speedups, real_speedups, [None] * len(kernels))
    rho = rank_correlation(speedups, real_speedups)
    return {
        "kernels": len(kernels),
        "problems": len({each.problem for each in kernels}),
        "spearman_of_speedup": None if rho is None else round(rho, 4),
        "median_error_of_time": round(median_error(mine, real), 4),
        "median_error_of_reference_time": round(median_error(references, real_references), 4),
        "bias_of_time": round(
            math.exp(statistics.fmean(math.log(one / other) for one, other in zip(mine, real, strict=True))), 4
        ),
        "same_order_within_problems": competitors.share,
        "pairs_within_problems": competitors.pairs,
        "same_order_of_speedups": everybody.share,
        "pairs_of_speedups": everybody.pairs,
    }
