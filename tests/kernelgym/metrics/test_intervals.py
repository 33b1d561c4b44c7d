"""Intervals: do they hold what they promise, and do they say nothing where nothing is known?"""

import numpy as np
import pytest
from numpy.typing import NDArray

from kernelgym.metrics.intervals import CONFIDENCE, RESAMPLES, SEED, Estimate, Resampling, wilson

Array = NDArray[np.float64]


def column(*values: float | None) -> Array:
    return np.array([np.nan if value is None else value for value in values])


def bounds(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def slowly(problems: list[str], values: Array) -> tuple[float, float]:
    """The same bootstrap with loops, from the same draws."""
    names = sorted(set(problems))
    draws = np.random.default_rng(SEED).multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
    means = []
    for draw in draws:
        drawn = [
            value
            for name, times in zip(names, draw, strict=True)
            for _ in range(times)
            for problem, value in zip(problems, values, strict=True)
            if problem == name and not np.isnan(value)
        ]
        if drawn:
            means.append(np.mean(drawn))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def test_it_equals_a_bootstrap_that_draws_problems_in_a_loop() -> None:
    problems = ["c", "a", "a", "b", "b", "b", "d"]
    values = column(0.5, 1.0, None, 3.0, 2.0, 7.0, None)
    estimate = Resampling(problems).means(values)[0]
    assert (estimate.value, estimate.n) == (13.5 / 5, 5)
    assert (estimate.low, estimate.high) == pytest.approx(slowly(problems, values), rel=1e-5)


def test_problems_are_drawn_and_not_samples() -> None:
    rng = np.random.default_rng(3)
    chances = rng.integers(0, 2, size=40)  # a problem is always solved, or never
    problems = [f"p{number}" for number in range(40) for _ in range(50)]
    values = np.repeat(chances, 50).astype(np.float64)
    low, high = bounds(Resampling(problems).shares(values)[0])
    naive_low, naive_high = bounds(Resampling([str(number) for number in range(2000)]).shares(values)[0])
    assert high - low > 5 * (naive_high - naive_low)


def test_the_samples_of_a_single_problem_are_drawn() -> None:
    estimate = Resampling(["a"] * 4).means(column(1, 2, 3, 4))[0]
    low, high = bounds(estimate)
    assert estimate.value == 2.5
    assert 1 <= low < 2.5 < high <= 4


def test_a_share_of_nothing_or_all_is_not_called_certain() -> None:
    problems = [f"p{number}" for number in range(20)] * 2
    none, everything = Resampling(problems).shares(np.zeros(40), np.ones(40))
    low, high = wilson(0.0, 20)  # as many observations as there are problems
    assert (none.value, none.low, none.high) == (0.0, low, pytest.approx(high, rel=1e-5))
    assert (everything.low, everything.high) == (pytest.approx(1 - high, rel=1e-5), 1.0)


def test_shares_that_are_the_same_for_every_problem_are_so_in_spite_of_rounding() -> None:
    estimate = Resampling([f"p{number}" for number in range(30)]).shares(np.full(30, 1 / 3))[0]
    assert bounds(estimate) == pytest.approx(wilson(1 / 3, 30), rel=1e-5)


def test_wilson_gives_the_published_numbers() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29
    for successes, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                     (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert wilson(successes / of, of) == pytest.approx((low, high), abs=5e-5)


def test_one_number_has_a_mean_and_no_interval() -> None:
    assert Resampling(["a"]).means(column(2.5)) == [Estimate(value=2.5, low=None, high=None, n=1)]
    assert Resampling(["a", "b"]).means(column(2.5, None)) == [Estimate(value=2.5, low=None, high=None, n=1)]


def test_no_number_has_nothing() -> None:
    nothing = Estimate(value=None, low=None, high=None, n=0)
    assert Resampling([]).shares(column()) == [nothing]
    assert Resampling(["a", "b"]).geometric_means(column(None, None)) == [nothing]


def test_a_geometric_mean_is_the_exponential_of_that_of_logarithms() -> None:
    estimate = Resampling(["a", "b", "c"]).geometric_means(np.log([1.0, 2.0, 4.0]))[0]
    assert estimate.value == pytest.approx(2.0)
    assert (estimate.low, estimate.high) == pytest.approx((1.0, 4.0))


def test_a_value_lies_in_its_interval_in_spite_of_rounding() -> None:
    third = 1 / 3
    estimate = Resampling(["a", "b"]).means(column(third, third))[0]
    low, high = bounds(estimate)
    assert low <= third <= high


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(11)
    problems = [f"p{number}" for number in range(60) for _ in range(4)]
    trials, held = 400, np.zeros(2)
    for _ in range(trials):
        chances = np.repeat(rng.beta(1.0, 2.0, size=60), 4)  # the mean over all problems is 1/3
        logs = np.repeat(rng.normal(0.3, 0.5, size=60), 4) + rng.normal(0.0, 0.2, size=240)
        resampling = Resampling(problems)
        share = resampling.shares((rng.random(240) < chances).astype(np.float64))[0]
        speedup = resampling.geometric_means(logs)[0]
        for index, (estimate, truth) in enumerate(((share, 1 / 3), (speedup, np.exp(0.3)))):
            low, high = bounds(estimate)
            held[index] += low <= truth <= high
    assert np.all((held / trials > 0.91) & (held / trials < 0.98)), held / trials
