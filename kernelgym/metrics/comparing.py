"""Runs side by side, and paired: what changes on the same problems from one to the other.

Problems differ far more from each other than runs do. Differences problem by problem, over the problems that both runs
have, take that out; their bootstrap draws problems.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, log
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field

from kernelgym.errors import BadUsage
from kernelgym.metrics.board import Array, Board, Standing
from kernelgym.metrics.confirming import confirmed_choices
from kernelgym.metrics.intervals import Estimate, Finite, Resampling
from kernelgym.metrics.rates import mean
from kernelgym.metrics.summarizing import summarize
from kernelgym.metrics.summary import Count, Summary
from kernelgym.metrics.views import THRESHOLDS, View
from kernelgym.runs.record import EpisodeRecord, RunRecord
from sandboxes.contracts import Contract

EVEN: Final = 1e-9
"""Difference of rates or rewards of a problem up to which it is a tie."""

EVEN_SPEEDUP: Final = log(1.005)
"""The same for logarithms of speedups."""

COMPARED: Final = frozenset(
    {"policy", "policy_options", "samples", "seed", "problems", "data_seed", "confirm", "schema_version"}
)
"""Fields of a `RunRecord` in which runs may differ and still be compared, or that are looked at by themselves."""

MAX_NAMED: Final = 3
"""Problems that a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A run to compare."""

    name: str
    record: RunRecord
    episodes: Sequence[EpisodeRecord]
    """At most one for each problem and sample."""


class RunSummary(Contract):
    """One run by itself."""

    name: str
    record: RunRecord
    """Without its data seed, which may be a secret."""
    summary: Summary


class Difference(Contract):
    """One metric in two runs, over the problems in which both have it; a problem's value is the mean of its samples."""

    metric: str
    """`correct`, `fast@1.2`, `speedup` or `reward`."""
    kind: Literal["difference", "ratio"]
    """What `change` is: for speedups the ratio of their geometric means, with 1 for no change."""
    problems: Count
    baseline: Finite | None
    """Mean over these problems; of speedups the geometric one."""
    other: Finite | None
    change: Estimate
    """From the baseline to the other run."""
    wins: Count
    """Problems in which the other run is better."""
    ties: Count
    losses: Count


class Pairing(Contract):
    """A run against the first one."""

    name: str
    problems: Annotated[int, Field(ge=1)]
    """Problems with a counted episode in both."""
    warnings: tuple[str, ...]
    """Why the difference may come from something else than the policy."""
    last: tuple[Difference, ...]
    """By the last turn of each run."""
    best: tuple[Difference, ...]
    """By the best of all turns."""
    confirmed: tuple[Difference, ...]
    """By the best turn measured again; empty unless both runs have that."""


class Comparison(Contract):
    """Two or more runs; the first is the baseline."""

    schema_version: Literal[1] = 1
    runs: tuple[RunSummary, ...]
    pairings: tuple[Pairing, ...]


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


def reasons_for_doubt(baseline: RunRecord, other: RunRecord) -> list[str]:
    """Returns one phrase for each thing, other than the policy, in which two runs differ: `turns: 3 and 5`."""
    mine, theirs = _flat(baseline.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    found = [
        f"{name}: {_shown(mine.get(name))} and {_shown(theirs.get(name))}"
        for name in [*mine, *(name for name in theirs if name not in mine)]
        if name.partition(".")[0] not in COMPARED and mine.get(name) != theirs.get(name)
    ]
    if baseline.data_seed != other.data_seed:
        found.append("seeds of the input values; runs with the same --data-seed see the same values")
    if changed := sorted(
        name for name, digest in baseline.problems.items() if other.problems.get(name, digest) != digest
    ):
        found.append(f"the references of {_some(changed)}, which are left out")
    for here, there, whose in ((baseline, other, "the first"), (other, baseline, "the second")):
        if extra := sorted(here.problems.keys() - there.problems.keys()):
            found.append(f"problems that only {whose} has, left out: {_some(extra)}")
    return found


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
    estimates = resampling.geometric_means(change) if ratio else resampling.means(change)
    means = [mean(before), mean(after)]
    if ratio:
        means = [None if value is None else exp(value) for value in means]
    return Difference(
        metric=metric, kind="ratio" if ratio else "difference", problems=len(shared),
        baseline=means[0], other=means[1], change=estimates[0],
        wins=int((change > even).sum()), ties=int((np.abs(change) <= even).sum()), losses=int((change < -even).sum()),
    )  # fmt: skip


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + rest
