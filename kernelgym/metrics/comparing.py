"""Runs side by side, and paired: what changes on the same problems from one to the other.

Problems differ far more from each other than runs do. Differences problem by problem, over the problems that both runs
have, take that out; their bootstrap draws problems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, log
from typing import Final

import numpy as np

from kernelgym.errors import BadUsage
from kernelgym.metrics.board import Array, Board, Standing
from kernelgym.metrics.comparison import Comparison, Difference, Pairing, RunSummary
from kernelgym.metrics.confirming import confirmed_choices
from kernelgym.metrics.doubts import reasons_for_doubt
from kernelgym.metrics.intervals import Resampling
from kernelgym.metrics.rates import mean
from kernelgym.metrics.summarizing import summarize
from kernelgym.metrics.views import THRESHOLDS, View
from kernelgym.runs.record import EpisodeRecord
from kernelgym.runs.run_record import RunRecord

EVEN: Final = 1e-9
"""Difference of rates or rewards of a problem up to which it is a tie."""

EVEN_SPEEDUP: Final = log(1.005)
"""The same for logarithms of speedups."""

LEAST_ALIKE: Final = 6
"""Problems that have to change alike to have an interval: no sign test can tell fewer from chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A run to compare."""

    name: str
    record: RunRecord
    episodes: Sequence[EpisodeRecord]
    """At most one for each problem and sample."""


def compare(contestants: Sequence[Contestant]) -> Comparison:
    """Returns each run's summary, and the paired differences of each to the first one.

    Raises:
        BadUsage: There are fewer than two, or one has no problem in common with the first.
    """
    if len(contestants) < 2:
        raise BadUsage(f"{len(contestants)} run to compare; give two or more, the first is the baseline")
    baseline, *others = contestants
    return Comparison(
        runs=tuple(
            RunSummary(
                name=run.name,
                record=run.record.model_copy(update={"data_seed": ""}),
                summary=summarize(run.episodes, run.record.total_turns),
            )
            for run in contestants
        ),
        pairings=tuple(_pair(baseline, other) for other in others),
    )


def _pair(baseline: Contestant, other: Contestant) -> Pairing:
    same = {name for name, digest in baseline.record.problems.items() if other.record.problems.get(name) == digest}
    boards = tuple(
        Board.of([episode for episode in run.episodes if episode.problem in same], run.record.total_turns)
        for run in (baseline, other)
    )
    shared = set(boards[0].problems) & set(boards[1].problems)
    if not shared:
        raise BadUsage(
            f"{baseline.name} and {other.name} have no problem in common with an episode that counts in both; "
            "compare runs of the same --problems"
        )
    warnings = reasons_for_doubt(baseline.record, other.record)
    rewarded = baseline.record.reward == other.record.reward
    choices = [confirmed_choices(board) for board in boards]
    views = {
        view: _differences(*((board.problems, board.at(board.turns, view)) for board in boards), rewarded=rewarded)
        for view in View
    }
    mine, theirs = choices
    confirmed = (
        ()
        if mine is None or theirs is None
        else _differences((mine.problems, mine.confirmed), (theirs.problems, theirs.confirmed), rewarded=rewarded)
    )
    return Pairing(
        name=other.name, problems=len(shared), warnings=tuple(warnings), last=views[View.LAST], best=views[View.BEST],
        confirmed=confirmed,
    )  # fmt: skip


_Side = tuple[Sequence[str], Standing]


def _differences(baseline: _Side, other: _Side, *, rewarded: bool) -> tuple[Difference, ...]:
    """Returns all metrics of two sides; rewards only if both were paid by the same function."""
    sides = [(problems, _columns(standing, rewarded=rewarded)) for problems, standing in (baseline, other)]
    found = []
    for metric in sides[0][1]:
        mine, theirs = (_by_problem(problems, columns[metric]) for problems, columns in sides)
        found.append(_difference(metric, mine, theirs))
    return tuple(found)


def _columns(standing: Standing, *, rewarded: bool) -> dict[str, Array]:
    columns = {"correct": standing.correct}
    columns |= {f"fast@{threshold:g}": standing.fast(threshold) for threshold in THRESHOLDS}
    columns["speedup"] = standing.log_speedup()
    return columns | ({"reward": standing.reward} if rewarded else {})


def _by_problem(problems: Sequence[str], values: Array) -> dict[str, float]:
    """Returns the mean of each problem that has a value."""
    found: dict[str, list[float]] = {}
    for problem, value in zip(problems, values.tolist(), strict=True):
        if not np.isnan(value):
            found.setdefault(problem, []).append(value)
    return {problem: fsum(own) / len(own) for problem, own in found.items()}


def _difference(metric: str, mine: Mapping[str, float], theirs: Mapping[str, float]) -> Difference:
    shared = sorted(mine.keys() & theirs.keys())
    before, after = (np.array([side[problem] for problem in shared], dtype=np.float64) for side in (mine, theirs))
    change = after - before
    ratio = metric == "speedup"
    even = EVEN_SPEEDUP if ratio else EVEN
    resampling = Resampling(shared)
    estimate = (resampling.geometric_means(change) if ratio else resampling.means(change))[0]
    if 0 < len(shared) < LEAST_ALIKE and np.ptp(change) <= EVEN:  # resamples can't differ, and know nothing
        estimate = estimate.model_copy(update={"low": None, "high": None})
    means = [mean(before), mean(after)]
    if ratio:
        means = [None if value is None else exp(value) for value in means]
    return Difference(
        metric=metric, kind="ratio" if ratio else "difference", problems=len(shared),
        baseline=means[0], other=means[1], change=estimate,
        wins=int((change > even).sum()), ties=int((np.abs(change) <= even).sum()), losses=int((change < -even).sum()),
    )  # fmt: skip
