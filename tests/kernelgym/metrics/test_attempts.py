"""Success within k attempts, against drawing every possible set of k."""

from itertools import combinations

import numpy as np
import pytest

from kernelgym.metrics import View, at_k, correct_at_k, fast_at_k
from kernelgym.metrics.attempts import problems_at_k
from kernelgym.runs.record import Loss
from sandboxes.contracts import Outcome
from tests.policies.episodes import episode

WRONG = Outcome.INCORRECT


@pytest.mark.parametrize("samples", range(1, 8))
def test_it_is_the_share_of_all_sets_of_k_samples_that_hold_a_success(samples: int) -> None:
    for successes in range(samples + 1):
        for k in range(1, samples + 1):
            sets = list(combinations([True] * successes + [False] * (samples - successes), k))
            assert at_k(samples, successes, k) == pytest.approx(sum(map(any, sets)) / len(sets))


def test_it_is_unbiased_where_the_plug_in_estimate_is_not() -> None:
    chance, samples, k = 0.2, 10, 5
    successes = np.random.default_rng(1).binomial(samples, chance, size=20_000)
    truth = 1 - (1 - chance) ** k
    assert np.mean([at_k(samples, c, k) for c in successes]) == pytest.approx(truth, abs=0.005)
    assert np.mean([1 - (1 - c / samples) ** k for c in successes]) < truth - 0.03


def test_numbers_of_hundreds_of_samples_do_not_overflow() -> None:
    assert at_k(1000, 1, 500) == pytest.approx(0.5)
    assert at_k(1000, 0, 1000) == 0.0


@pytest.mark.parametrize("k", [0, 4])
def test_more_attempts_than_samples_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}; with 3 samples it is from 1 to 3"):
        at_k(3, 1, k)


def test_a_problem_with_fewer_samples_is_left_out_and_one_that_does_not_count_is_no_sample() -> None:
    success = np.array([1.0, 0.0, np.nan, 1.0, 0.0])
    assert problems_at_k(["a", "a", "a", "b", "c"], success, 2) == {"a": 1.0}
    assert problems_at_k(["a", "a", "a", "b", "c"], success, 1) == {"a": 0.5, "b": 1.0, "c": 0.0}


def test_each_problem_weighs_the_same_however_many_samples_it_has() -> None:
    episodes = [
        episode(2.0, problem="a", sample=0),
        episode(WRONG, 1.0, problem="a", sample=1),
        episode(WRONG, problem="a", sample=2),
        episode(WRONG, problem="a", sample=3, error=Loss.POLICY),
        episode(error=Loss.SKIPPED, problem="a", sample=4),
        episode(1.0, problem="b", sample=0),
    ]
    assert correct_at_k(episodes, 1, 2) == pytest.approx((2 / 4 + 1) / 2)
    assert correct_at_k(episodes, 2, 2) == pytest.approx(1 - 1 / 6)  # of 6 pairs one has no success
    assert fast_at_k(episodes, 1.5, 2, 2, View.BEST) == pytest.approx(3 / 6)
    assert correct_at_k(episodes, 5, 2) is None
