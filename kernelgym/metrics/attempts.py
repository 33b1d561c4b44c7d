"""Success within k attempts, estimated without bias from more than k samples of each problem."""

from collections.abc import Sequence
from math import comb

import numpy as np

from kernelgym.metrics.board import Array, Board
from kernelgym.metrics.rates import mean
from kernelgym.metrics.views import Baseline, View
from kernelgym.runs.record import EpisodeRecord


def at_k(samples: int, successes: int, k: int) -> float:
    """Returns the probability that `k` of the samples, drawn without replacement, hold a success.

    `1 - C(n - c, k) / C(n, k)`: the unbiased estimate of success within k attempts. `1 - (1 - c/n)^k` is too low.

    Raises:
        ValueError: There are fewer than `k` samples.

    Source:
        Chen et al. 2021, Evaluating Large Language Models Trained on Code, Eq. 1.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"k is {k}; with {samples} samples it is from 1 to {samples}")
    return 1.0 - comb(samples - successes, k) / comb(samples, k)


def problems_at_k(problems: Sequence[str], success: Array, k: int) -> dict[str, float]:
    """Returns `at_k` of each problem that has at least `k` samples.

    Args:
        problems: Of each sample.
        success: 1, 0, or NaN for a sample that does not count.
        k: Attempts.
    """
    tallies: dict[str, list[int]] = {}
    for problem, value in zip(problems, success.tolist(), strict=True):
        if not np.isnan(value):
            tally = tallies.setdefault(problem, [0, 0])
            tally[0] += 1
            tally[1] += value > 0
    return {problem: at_k(n, c, k) for problem, (n, c) in sorted(tallies.items()) if n >= k}


def correct_at_k(episodes: Sequence[EpisodeRecord], k: int, turn: int, view: View = View.LAST) -> float | None:
    """Returns the mean over problems of being correct within `k` episodes; problems with fewer are left out."""
    board = Board.of(episodes, turn)
    return mean(np.array(list(problems_at_k(board.problems, board.at(turn, view).correct, k).values())))


def fast_at_k(
    episodes: Sequence[EpisodeRecord],
    threshold: float,
    k: int,
    turn: int,
    view: View = View.LAST,
    baseline: Baseline = Baseline.EAGER,
) -> float | None:
    """Returns the same for being correct and at least `threshold` times as fast as the baseline."""
    board = Board.of(episodes, turn)
    fast = board.at(turn, view).fast(threshold, baseline)
    return mean(np.array(list(problems_at_k(board.problems, fast, k).values())))
