"""Fits the model's global constants to measured times, and says how much of that holds for problems it has not seen.

Few constants, none of a kernel or a problem. Each is fitted as the logarithm of a factor on its default, with a weak
pull towards 1, so that what no kernel depends on stays where it is. The loss is that of logarithms, soft for large
ones: a factor of 2 too slow weighs as much as one too fast, and a kernel that the model misunderstands does not drag
everything along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any, Final

import numpy as np
from scipy.optimize import least_squares

from benchmarks.model_vs_gpu.metrics import summary
from benchmarks.model_vs_gpu.record import Kernel, priced
from sandboxes.contracts import Target
from sandboxes.hardware.pricing import DEFAULT, Constants

FITTED: Final = (
    "overlap",
    "dram_latency_scale",
    "l2_latency_scale",
    "block_start_us",
    "dram_share",
    "l2_share",
    "tensor_share",
    "pipe_share",
    "library_dram_share",
    "library_tensor_share",
    "library_fma_share",
)
"""Constants that kernels of every kind depend on; of which few kernels do, a fit would only know those few."""
MOST_FACTOR: Final = 4.0
"""How far from its default a constant may go, either way."""
PULL: Final = 0.02
"""Weight of a constant's distance from its default: as much as an error of 2 % of one kernel, if it is e-fold."""
SOFT: Final = 0.3
"""Error of a logarithm from which it counts linearly instead of squared."""
FOLDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What a fit has found."""

    constants: Constants
    factors: Mapping[str, float]
    """On the defaults."""
    evaluations: int


def fit(kernels: Sequence[Kernel], target: Target, names: Sequence[str] = FITTED, start: Constants = DEFAULT) -> Fit:
    """Returns the constants with the least loss.

    Args:
        kernels: All of them refit.
        target: Whose times were measured.
        names: Of the constants that may change.
        start: What they are factors of.
    """
    low = np.full(len(names), -log(MOST_FACTOR))
    high = np.array([log(highest(name, start)) for name in names])

    def residuals(logs: Any) -> Any:
        constants = scaled(start, dict(zip(names, np.exp(logs), strict=True)))
        errors = []
        for kernel in kernels:
            times = priced(kernel, target, constants)
            errors += [
                log(times.candidate_us / kernel.measured.candidate_us),
                log(times.reference_us / kernel.measured.reference_us),
            ]
        return np.concatenate([np.array(errors), PULL * logs])

    found = least_squares(
        residuals, np.clip(np.zeros(len(names)), low, high), bounds=(low, high), loss="soft_l1", f_scale=SOFT,
        diff_step=1e-3, max_nfev=60,
    )  # fmt: skip
    factors = {name: exp(value) for name, value in zip(names, found.x, strict=True)}
    return Fit(constants=scaled(start, factors), factors=factors, evaluations=int(found.nfev))


def highest(name: str, constants: Constants) -> float:
    """Returns the largest factor that a constant may have: shares of a peak stay below 1.

    Raises:
        ValueError: There is no such constant.
    """
    value = getattr(constants, name, None)
    if not isinstance(value, float):
        raise ValueError(f"`{name}` is no constant of the model that can be fitted")
    return max(1 / value, 1.0 + 1e-6) if name.endswith("_share") and value <= 1 else MOST_FACTOR


def scaled(constants: Constants, factors: Mapping[str, float]) -> Constants:
    """Returns constants times some factors."""
    return replace(constants, **{name: getattr(constants, name) * factor for name, factor in factors.items()})


def folds(problems: Sequence[str], count: int = FOLDS) -> list[set[str]]:
    """Returns problems in groups of about the same size: no problem is fitted and tested on at once."""
    ordered = sorted(set(problems))
    count = min(count, len(ordered))
    return [set(ordered[part::count]) for part in range(count)]


def cross_validated(
    kernels: Sequence[Kernel], target: Target, names: Sequence[str] = FITTED, count: int = FOLDS
) -> dict[str, Any]:
    """Returns the numbers of held-out kernels next to those of the defaults, and the fit to all kernels.

    Kernels whose facts are not known are left out, and counted.
    """
    known = [kernel for kernel in kernels if kernel.refits]
    defaults = [priced(kernel, target) for kernel in known]
    held_out = list(defaults)
    by_fold = []
    for group in folds([kernel.problem for kernel in known], count):
        found = fit([kernel for kernel in known if kernel.problem not in group], target, names)
        by_fold.append({name: round(factor, 4) for name, factor in found.factors.items()})
        for index, kernel in enumerate(known):
            if kernel.problem in group:
                held_out[index] = priced(kernel, target, found.constants)
    whole = fit(known, target, names)
    return {
        "left_out": len(kernels) - len(known),
        "defaults": summary(known, defaults),
        "held_out": summary(known, held_out),
        "fitted_to_all": summary(known, [priced(kernel, target, whole.constants) for kernel in known]),
        "constants": {name: round(getattr(whole.constants, name), 5) for name in names},
        "factors": {name: round(factor, 4) for name, factor in whole.factors.items()},
        "factors_by_fold": by_fold,
    }
