"""The numbers behind the curves: fast_p over p, reward over turns, and how speedups are distributed."""

from collections import Counter
from math import floor, isnan, log2
from typing import Any, Final

from kernelgym.metrics.board import Array, Board
from kernelgym.metrics.intervals import Estimate, Resampling
from kernelgym.metrics.rates import mean
from kernelgym.metrics.views import View

GRID: Final = tuple(step / 40 for step in range(161))
"""Values of p, 0 to 4."""

BINS_PER_OCTAVE: Final = 4
MOST_OCTAVES: Final = 10
"""Speedups beyond 2 to this power, either way, are counted in the outermost bins."""


def fast_curves(board: Board, resampling: Resampling) -> dict[str, Any]:
    """Returns fast_p over p: by the last and by the best turn with intervals, and by the best of fewer turns."""
    final, best = board.at(board.turns, View.LAST), board.at(board.turns, View.BEST)
    estimates = resampling.shares(*(final.fast(p) for p in GRID), *(best.fast(p) for p in GRID))
    earlier = {turn: board.at(turn, View.BEST) for turn in (1, 2, 4, 8, 16, 32, 64) if turn < board.turns}
    return {
        "p": GRID,
        "last": _band(estimates[: len(GRID)]),
        "best": _band(estimates[len(GRID) :]),
        "earlier": [[turn, [_round(mean(standing.fast(p))) for p in GRID]] for turn, standing in earlier.items()],
    }


def reward_curves(board: Board, resampling: Resampling) -> dict[str, Any]:
    """Returns the mean reward by turn: of the turn itself, and of the best one so far."""
    turns = range(1, board.turns + 1)
    return {
        "turns": list(turns),
        "last": _band(resampling.means(*(board.at(turn, View.LAST).reward for turn in turns))),
        "best": _band(resampling.means(*(board.at(turn, View.BEST).reward for turn in turns))),
    }


def speedup_distribution(board: Board, resampling: Resampling) -> dict[str, Any]:
    """Returns how many episodes have which speedup, in bins of equal width on a logarithmic axis."""
    final, best = board.at(board.turns, View.LAST), board.at(board.turns, View.BEST)
    middle = resampling.geometric_means(best.log_speedup())[0]
    last_bins, best_bins = _bins(final.eager), _bins(best.eager)
    used = [*last_bins, *best_bins]
    bins = range(min(used), max(used) + 1) if used else range(0)
    return {
        "edges": [round(2 ** (number / BINS_PER_OCTAVE), 6) for number in (*bins, bins.stop)] if used else [],
        "best": [best_bins[number] for number in bins],
        "last": [last_bins[number] for number in bins],
        "timed": sum(best_bins.values()),
        "episodes": len(board.problems),
        "mean": [_round(middle.value), _round(middle.low), _round(middle.high)],
    }


def _bins(speedups: Array) -> Counter[int]:
    most = MOST_OCTAVES * BINS_PER_OCTAVE
    numbers = (floor(log2(speedup) * BINS_PER_OCTAVE) for speedup in speedups.tolist() if not isnan(speedup))
    return Counter(max(-most, min(most - 1, number)) for number in numbers)


def _band(estimates: list[Estimate]) -> dict[str, list[float | None]]:
    return {
        "value": [_round(estimate.value) for estimate in estimates],
        "low": [_round(estimate.low) for estimate in estimates],
        "high": [_round(estimate.high) for estimate in estimates],
    }


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
