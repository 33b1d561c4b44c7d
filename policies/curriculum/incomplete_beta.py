"""The regularised incomplete beta function and its inverse: what posterior probabilities and intervals are made of.

Neither Python nor numpy nor torch has it. The continued fraction converges fast for `x < (a + 1) / (a + b + 2)`; beyond
that, the symmetry `I_x(a, b) = 1 - I_(1-x)(b, a)` brings the argument there.
"""

from math import exp, lgamma, log, log1p
from typing import Final

TINY: Final = 1e-300
"""Stands for a denominator of 0."""

PRECISION: Final = 1e-15

MAX_TERMS: Final = 100_000
"""Terms of the continued fraction; about the root of the larger parameter is needed."""

BISECTIONS: Final = 100
"""Halvings of [0, 1] in the inverse, more than a float can tell apart."""


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Returns `P(p <= x)` for `p ~ Beta(a, b)`, with an absolute error below 1e-12, or 1e-8 where `a + b` is a million.

    Args:
        a: Positive.
        b: Positive.
        x: What is outside [0, 1] counts as the nearer end.

    Source:
        The continued fraction DLMF 8.17.22, evaluated by Lentz's method.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _fraction(b, a, 1.0 - x) / b)


def inverse_incomplete_beta(a: float, b: float, probability: float) -> float:
    """Returns the `x` in [0, 1] with `incomplete_beta(a, b, x) == probability`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        if incomplete_beta(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _fraction(a: float, b: float, x: float) -> float:
    """Returns the continued fraction `1 / (1 + d_1 / (1 + d_2 / (1 + ...)))`."""
    c = 1.0
    d = 1.0 / _nonzero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, MAX_TERMS):
        for coefficient in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _nonzero(1.0 + coefficient * d)
            c = _nonzero(1.0 + coefficient / c)
            value *= c * d
        if abs(c * d - 1.0) < PRECISION:
            break
    return value


def _nonzero(number: float) -> float:
    return number if abs(number) > TINY else TINY
