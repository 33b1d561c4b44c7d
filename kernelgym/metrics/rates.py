"""Each metric by itself: from episodes to a number.

All divide by the counted episodes (`counted`), at every turn; those about speed or a profile, by the ones among them
that have one. None stands for a mean of nothing. Turns count from 1; an episode speaks as its `View` says.
"""

from collections.abc import Iterable, Sequence
from math import exp, fsum, isnan

from kernelgym.metrics.board import Array, Board, Standing, speedup_of
from kernelgym.metrics.views import Baseline, View, counted
from kernelgym.runs.record import EpisodeRecord, Loss


def correct_rate(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the share of episodes that are correct (outcome `ok`)."""
    return mean(_at(episodes, turn, view).correct)


def compile_rate(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the share of episodes whose kernels were compiled and fit the target, see `is_compiled`."""
    return mean(_at(episodes, turn, view).compiled)


def hack_rate(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the share of episodes with outcome `hack`; with `View.BEST`, at any turn so far."""
    return mean(_at(episodes, turn, view).hacked)


def fast_rate(
    episodes: Sequence[EpisodeRecord],
    threshold: float,
    turn: int,
    view: View = View.LAST,
    baseline: Baseline = Baseline.EAGER,
) -> float | None:
    """Returns fast_p: the share of episodes that are correct, with a speedup of at least `threshold`.

    It divides by all samples, not by the correct ones. A correct candidate whose bench case was not verified has no
    speedup and is not fast, whatever the threshold. Against `Baseline.COMPILE`, problems without such a time are out.

    Source:
        KernelBench (Ouyang et al. 2025), fast_p; there the comparison is strict.
    """
    return mean(_at(episodes, turn, view).fast(threshold, baseline))


def mean_reward(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the mean reward; with `View.BEST`, of the highest so far. A policy's own error is worth
    what its run pays for a completion without code.
    """
    return mean(_at(episodes, turn, view).reward)


def mean_speedup(
    episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST, baseline: Baseline = Baseline.EAGER
) -> float | None:
    """Returns the geometric mean of the speedups of correct and timed candidates: what fails is not in it."""
    logarithm = mean(_at(episodes, turn, view).log_speedup(baseline))
    return None if logarithm is None else exp(logarithm)


def mean_coverage(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the mean share of device time in the candidate's own kernels, over correct ones."""
    return mean(_at(episodes, turn, view).coverage)


def mean_replaced(episodes: Sequence[EpisodeRecord], turn: int, view: View = View.LAST) -> float | None:
    """Returns the mean share of the reference's time that is not left to PyTorch, over correct ones."""
    return mean(_at(episodes, turn, view).replaced)


def loss_rate(episodes: Sequence[EpisodeRecord], reason: Loss) -> float | None:
    """Returns the share of all episodes, counted or not, that were lost for `reason`."""
    return fsum(episode.loss is reason for episode in episodes) / len(episodes) if episodes else None


def best_speedup(episodes: Iterable[EpisodeRecord]) -> float | None:
    """Returns the largest speedup of any turn of the counted episodes; None if none has one."""
    speedups = (speedup_of(turn.report) for episode in counted(episodes) for turn in episode.turns)
    return max((speedup for speedup in speedups if speedup is not None), default=None)


def mean(values: Array) -> float | None:
    """Returns the mean of those that are numbers, exactly rounded, so that their order does not matter."""
    known = [value for value in values.tolist() if not isnan(value)]
    return fsum(known) / len(known) if known else None


def _at(episodes: Sequence[EpisodeRecord], turn: int, view: View) -> Standing:
    return Board.of(episodes, turn).at(turn, view)
