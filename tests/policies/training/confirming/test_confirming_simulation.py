"""The benchmark's learner: choosing pays where prices rank well, and is drawing lots where they say nothing."""

from statistics import mean

import numpy as np
import pytest

from benchmarks.confirming import (
    CHOICES,
    Task,
    beginning,
    by_noise,
    by_price,
    probabilities,
    rank_correlation,
    source,
    steps,
)

SIZE = int(np.prod([len(choice) for choice in CHOICES]))
EXACT = np.concatenate([np.linspace(2.0, 3.7, SIZE // 2), np.zeros(SIZE // 2)])
TASK = Task(exact=EXACT, cheap=EXACT)


def needed(task: Task, keep: int, share: float) -> float:
    return mean(steps(task, "mostly wrong", by_price(keep, random_share=share), seed) for seed in range(8))


def test_the_programs_are_all_different() -> None:
    ways, blocks, warps = CHOICES
    assert len({source(way, block, number) for way in ways for block in blocks for number in warps}) == SIZE


def test_extremes_of_a_perfect_price_teach_more_than_as_many_at_random() -> None:
    assert needed(TASK, 4, 0.0) < 0.9 * needed(TASK, 4, 1.0)
    assert needed(TASK, 4, 0.0) < 1.1 * needed(TASK, 16, 1.0)


def test_a_price_that_says_nothing_is_as_good_as_lots() -> None:
    nothing = by_noise(4, 0.0, float(EXACT.std()))
    found = mean(steps(TASK, "mostly wrong", nothing, seed) for seed in range(8))
    assert found == pytest.approx(needed(TASK, 4, 1.0), rel=0.15)


def test_the_same_seed_learns_the_same() -> None:
    first, second = (steps(TASK, "mostly right", by_price(4, random_share=0.5), 3) for _ in range(2))
    assert first == second


def test_probabilities_are_those_of_three_independent_choices() -> None:
    found = probabilities(beginning("mostly right"))
    assert found.shape == (SIZE,)
    assert found.sum() == pytest.approx(1.0)


def test_ranks_correlate_whatever_the_distances_are() -> None:
    one = np.array([0.0, 1.0, 2.0, 2.0])
    assert rank_correlation(one, np.exp(one)) == pytest.approx(1.0)
    assert rank_correlation(one, -one) == pytest.approx(-1.0)
