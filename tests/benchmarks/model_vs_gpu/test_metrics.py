"""Numbers of a comparison are those that one gets by hand."""

import math

import pytest

from benchmarks.model_vs_gpu.metrics import inside, median_error, rank_correlation, same_order, summary
from benchmarks.model_vs_gpu.record import Kernel, Times


def test_ranks_are_compared_not_values() -> None:
    assert rank_correlation([1.0, 2.0, 3.0, 4.0], [10.0, 1000.0, 1001.0, 5000.0]) == pytest.approx(1.0)
    # ranks 1 2 3 4 and 2 1 3 4: 1 - 6 * 2 / (4 * 15)
    assert rank_correlation([1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0]) == pytest.approx(0.8)
    assert rank_correlation([1.0, 1.0], [1.0, 2.0]) is None


def test_the_error_is_relative_to_what_was_measured() -> None:
    # 50 % too long, half as long, exact
    assert median_error([15.0, 5.0, 7.0], [10.0, 10.0, 7.0]) == pytest.approx(0.5)


def test_only_pairs_that_differ_clearly_have_to_be_in_order() -> None:
    measured = [10.0, 11.0, 20.0]
    assert same_order([3.0, 2.0, 4.0], measured, [0, 0, 0]).pairs == 2  # 10 and 11 differ by 10 %
    assert same_order([3.0, 2.0, 4.0], measured, [0, 0, 0]).same == 2
    assert same_order([5.0, 2.0, 4.0], measured, [0, 0, 0]).share == 0.5


def test_pairs_are_of_one_problem_and_ties_are_no_order() -> None:
    assert same_order([1.0, 2.0], [1.0, 2.0], ["one", "other"]).share is None
    assert same_order([2.0, 2.0], [1.0, 2.0], ["one", "one"]).share == 0.0


def test_what_has_no_band_is_neither_inside_nor_outside() -> None:
    assert inside([1.0, 5.0, 9.0], [(0.5, 1.0), (6.0, 7.0), None]) == 0.5
    assert inside([1.0], [None]) is None


def test_a_summary_tells_speedups_and_times_apart() -> None:
    kernels = [_kernel("a", 10.0, 20.0), _kernel("a", 20.0, 20.0), _kernel("b", 5.0, 20.0)]
    # all times 1.5 times what was measured, the reference's as well: speedups are right, times are not
    modelled = [Times(candidate_us=1.5 * each.measured.candidate_us, reference_us=30.0) for each in kernels]
    found = summary(kernels, modelled)
    assert found["spearman_of_speedup"] == 1.0
    assert found["median_error_of_time"] == pytest.approx(0.5)
    assert found["median_error_of_reference_time"] == pytest.approx(0.5)
    assert found["bias_of_time"] == pytest.approx(1.5)
    assert (found["pairs_within_problems"], found["same_order_within_problems"]) == (1, 1.0)
    assert found["pairs_of_speedups"] == 3
    assert math.isclose(kernels[0].measured.speedup, 2.0)


def _kernel(problem: str, candidate_us: float, reference_us: float) -> Kernel:
    times = Times(candidate_us=candidate_us, reference_us=reference_us)
    return Kernel(name=problem, problem=problem, kind="core", measured=times, modelled=times, explanation={})
