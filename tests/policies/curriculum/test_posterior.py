"""Beta distributions against exact sums, numerical integration and sampling."""

from fractions import Fraction
from itertools import product
from math import comb, exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgym.errors import BadUsage
from policies.curriculum import UNIFORM, Beta
from policies.curriculum.posterior import LARGEST, SMALLEST

PARAMETERS = st.floats(0.05, 2000.0)
CHANCES = st.floats(0.0, 1.0)


def integral(belief: Beta, function: object) -> float:
    """The expectation of `function` of p, by the midpoint rule."""
    p = (np.arange(200_000) + 0.5) / 200_000
    constant = lgamma(belief.alpha + belief.beta) - lgamma(belief.alpha) - lgamma(belief.beta)
    density = np.exp(constant + (belief.alpha - 1) * np.log(p) + (belief.beta - 1) * np.log1p(-p))
    return float(np.mean(function(p) * density))  # type: ignore[operator]


def test_probabilities_of_whole_parameters_are_the_exact_binomial_tails() -> None:
    for a, b, x in product((1, 2, 5, 20, 100), (1, 3, 8, 50), (0.001, 0.05, 0.3, 0.5, 0.9, 0.999)):
        n, chance = a + b - 1, Fraction(x)
        exact = sum(comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(a, n + 1))
        assert Beta(a, b).below(x) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("belief", [Beta(1.5, 2.5), Beta(4.0, 1.2), Beta(30.0, 7.5), UNIFORM])
def test_everything_agrees_with_numerical_integration(belief: Beta) -> None:
    assert belief.mean == pytest.approx(integral(belief, lambda p: p), abs=1e-6)
    assert belief.variance == pytest.approx(integral(belief, lambda p: (p - belief.mean) ** 2), abs=1e-6)
    assert belief.information == pytest.approx(integral(belief, lambda p: p * (1 - p)), abs=1e-6)
    for size in (1, 2, 8, 64):
        mixed = integral(belief, lambda p, size=size: 1 - p**size - (1 - p) ** size)
        assert belief.mixed_group(size) == pytest.approx(mixed, abs=1e-6)
    assert belief.below(0.3) == pytest.approx(integral(belief, lambda p: p <= 0.3), abs=1e-5)
    assert belief.above(0.7) == pytest.approx(integral(belief, lambda p: p >= 0.7), abs=1e-5)


@pytest.mark.parametrize("belief", [Beta(0.5, 0.5), Beta(0.05, 3.0), Beta(9.0, 2.0)])
def test_the_share_of_mixed_groups_is_the_one_that_is_played(belief: Beta) -> None:
    random = np.random.default_rng(0)
    successes = random.binomial(8, random.beta(belief.alpha, belief.beta, size=200_000))
    assert belief.mixed_group(8) == pytest.approx(np.mean((successes > 0) & (successes < 8)), abs=0.005)


def test_a_group_of_one_is_never_mixed_and_a_pair_is_with_twice_the_variance_of_an_attempt() -> None:
    assert Beta(3.0, 4.0).mixed_group(1) == pytest.approx(0.0, abs=1e-15)
    assert Beta(3.0, 4.0).mixed_group(2) == pytest.approx(2 * Beta(3.0, 4.0).information)


@given(PARAMETERS, PARAMETERS, CHANCES, CHANCES)
def test_probabilities_grow_and_the_sides_add_up(a: float, b: float, x: float, y: float) -> None:
    low, high = sorted((x, y))
    assert 0.0 <= Beta(a, b).below(low) <= Beta(a, b).below(high) + 1e-9 <= 1.0 + 1e-9
    assert Beta(a, b).above(0.25 + x / 2) == pytest.approx(Beta(b, a).below(0.75 - x / 2), abs=1e-9)


@given(PARAMETERS, PARAMETERS, st.floats(0.5, 0.99))
def test_an_interval_holds_as_much_as_it_says(a: float, b: float, level: float) -> None:
    belief = Beta(a, b)
    low, high = belief.interval(level)
    assert 0.0 <= low <= high <= 1.0
    if low > 1e-12 and high < 1.0 - 1e-12:  # nearer to an end, floats are too coarse
        assert belief.below(high) - belief.below(low) == pytest.approx(level, abs=1e-6)


@given(PARAMETERS, PARAMETERS, st.integers(2, 50))
def test_larger_groups_are_mixed_more_often_and_sides_do_not_matter(a: float, b: float, size: int) -> None:
    assert 0.0 <= Beta(a, b).mixed_group(size) <= Beta(a, b).mixed_group(size + 1) + 1e-12 <= 1.0 + 1e-12
    assert Beta(a, b).mixed_group(size) == pytest.approx(Beta(b, a).mixed_group(size), abs=1e-12)


@given(st.floats(SMALLEST, LARGEST), st.floats(SMALLEST, LARGEST))
def test_extreme_parameters_give_numbers_in_range(a: float, b: float) -> None:
    belief = Beta(a, b)
    low, high = belief.interval()
    assert 0.0 <= low <= high + 1e-9 <= 1.0 + 1e-9
    assert 0.0 <= belief.mixed_group(8) <= 1.0
    assert 0.0 <= belief.information <= 0.25
    assert 0.0 <= belief.below(0.5) <= 1.0


def test_many_attempts_are_as_a_normal_distribution() -> None:
    belief = Beta(500_000.0, 500_000.0)
    assert belief.below(0.5) == pytest.approx(0.5, abs=1e-8)
    assert belief.interval(0.9)[1] == pytest.approx(0.5 + 1.6449 * belief.variance**0.5, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 2 * LARGEST])
def test_parameters_out_of_range_are_refused(value: float) -> None:
    with pytest.raises(BadUsage, match="alpha"):
        Beta(value, 1.0)
    with pytest.raises(BadUsage, match="beta"):
        Beta(1.0, value)


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_group_has_a_whole_number_of_attempts(size: int) -> None:
    with pytest.raises(BadUsage, match="group size"):
        UNIFORM.mixed_group(size)


def test_the_uniform_prior_after_one_success_has_the_closed_form_of_laplace() -> None:
    belief = UNIFORM.observed(1, 0)
    assert belief.mean == pytest.approx(2 / 3)
    assert belief.above(0.9) == pytest.approx(1 - 0.9**2)
    assert exp(2 * log(0.9)) == pytest.approx(belief.below(0.9))
