"""Episodes as arrays: what is known of each at each turn, so that a thousand of them are summed up at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from kernelgym.metrics.views import Baseline, View, counted
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome, Report, Stage

Array = NDArray[np.float64]
Verdict = tuple[Report | None, float | None]
"""A report and its reward; no report where the policy had no candidate."""

COMPILED: Final = frozenset({Outcome.OK, Outcome.INCORRECT, Outcome.MEMORY_ERROR})
"""Outcomes that only a program whose kernels compiled, and fit the target, can have."""

LATE: Final = frozenset({Stage.REPLAY, Stage.PROFILE})
"""Stages that only such a program reaches."""


def is_compiled(report: Report) -> bool:
    """Returns whether the candidate's kernels were compiled for the target and can be launched on it.

    A program that is rejected before it is compiled is not, whatever the compiler might have said; a launch that asks
    for more than the target has does not count either. A timeout counts if it came later.
    """
    if report.outcome is Outcome.LAUNCH_ERROR:
        return False
    late = any(diagnostic.stage in LATE for diagnostic in report.diagnostics)
    return report.outcome in COMPILED or bool(report.cases) or (late and report.outcome is not Outcome.INFRASTRUCTURE)


def speedup_of(report: Report, baseline: Baseline = Baseline.EAGER) -> float | None:
    """Returns how many times as fast as the baseline a correct and verified candidate is; None where nobody knows."""
    if not report.speedup or report.profile is None:
        return None
    ratio = report.speedup
    if baseline is Baseline.COMPILE:
        ratio = (report.profile.compiled_reference_time_us or 0.0) / report.profile.time_us
    return ratio if 0 < ratio < inf else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """One value per episode, NaN where it has none: the turns that speak for them."""

    correct: Array
    compiled: Array
    hacked: Array
    reward: Array
    coverage: Array
    replaced: Array
    eager: Array
    """Speedup."""
    compile: Array
    """Speedup over `torch.compile`."""
    comparable: Array
    """1 where a time of `torch.compile` is known for the problem, else NaN."""

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], comparable: Array) -> Self:
        """Returns what is known of one evaluation per episode."""
        facts = [_facts(*verdict) for verdict in verdicts]
        return cls.unpacked(np.array(facts, dtype=np.float64).reshape(-1, len(_FACTS)), comparable)

    @classmethod
    def unpacked(cls, facts: Array, comparable: Array) -> Self:
        """Returns facts, one row per episode, under their names."""
        return cls(comparable=comparable, **{name: facts[:, index] for index, name in enumerate(_FACTS)})

    def fast(self, threshold: float, baseline: Baseline = Baseline.EAGER) -> Array:
        """Returns 1 where the candidate is correct and at least `threshold` times as fast as the baseline, else 0."""
        if baseline is Baseline.EAGER:
            return (self.eager >= threshold).astype(np.float64)
        return (self.compile >= threshold) * self.comparable

    def log_speedup(self, baseline: Baseline = Baseline.EAGER) -> Array:
        """Returns natural logarithms, of those that are correct and timed."""
        return np.log(self.eager if baseline is Baseline.EAGER else self.compile * self.comparable)


_FACTS: Final = ("correct", "compiled", "hacked", "reward", "coverage", "replaced", "eager", "compile")
_CORRECT: Final = _FACTS.index("correct")
_EAGER: Final = _FACTS.index("eager")
_PROFILE: Final = slice(_FACTS.index("coverage"), _FACTS.index("replaced") + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Board:
    """The counted episodes of a run, by problem and sample, at every turn."""

    episodes: tuple[EpisodeRecord, ...]
    problems: tuple[str, ...]
    """Of each episode."""
    played: NDArray[np.int64]
    """Turns of each episode."""
    last: Array
    """Facts by episode and turn, for `View.LAST`."""
    best: Array
    """For `View.BEST`."""
    comparable: Array
    """See `Standing`."""

    @classmethod
    def of(cls, episodes: Sequence[EpisodeRecord], turns: int = 1) -> Self:
        """Returns the board of the counted ones among `episodes`, in any order.

        Args:
            episodes: At most one for each problem and sample.
            turns: How many it has at least; as many as the longest episode, if that has more.
        """
        chosen = counted(episodes)
        width = max(1, turns, *(len(episode.turns) for episode in chosen))
        last, best = np.full((2, len(chosen), width, len(_FACTS)), np.nan)
        for row, episode in enumerate(chosen):
            facts = [_facts(turn.report, turn.reward) for turn in episode.turns]
            rest = _facts(None, episode.forfeit) if episode.loss is Loss.POLICY else facts[-1]
            last[row] = [*facts, *[rest] * (width - len(facts))]
            best[row, : max(1, len(facts))] = facts or [rest]
        return cls(
            episodes=tuple(chosen),
            problems=tuple(episode.problem for episode in chosen),
            played=np.array([len(episode.turns) for episode in chosen], dtype=np.int64),
            last=last,
            best=_best_so_far(best),
            comparable=_comparable(chosen),
        )

    @property
    def turns(self) -> int:
        """How many turns it has."""
        return int(self.last.shape[1])

    def at(self, turn: int, view: View = View.LAST) -> Standing:
        """Returns what speaks for the episodes at `turn`, counted from 1; later than the last one, what did there."""
        facts = self.last if view is View.LAST else self.best
        return Standing.unpacked(facts[:, min(turn, self.turns) - 1], self.comparable)


def _facts(report: Report | None, reward: float | None) -> tuple[float, ...]:
    """Returns what is known of a turn; one for which the policy had no candidate is like one without code."""
    worth = np.nan if reward is None else reward
    if report is None:
        return (0.0, 0.0, 0.0, worth, np.nan, np.nan, np.nan, np.nan)
    profile = report.profile
    return (
        report.outcome is Outcome.OK,
        is_compiled(report),
        report.outcome is Outcome.HACK,
        worth,
        np.nan if profile is None else profile.coverage,
        np.nan if profile is None or profile.replaced is None else profile.replaced,
        speedup_of(report) or np.nan,
        speedup_of(report, Baseline.COMPILE) or np.nan,
    )


def _best_so_far(facts: Array) -> Array:
    """Returns the largest of each fact up to each turn; coverage and replaced share are those of the fastest turn."""
    found = np.fmax.accumulate(facts, axis=1)
    rank = np.where(
        np.isnan(facts[..., _EAGER]), facts[..., _CORRECT] - 1, facts[..., _EAGER]
    )  # timed > correct > neither
    chosen = np.zeros(len(facts), dtype=np.intp)
    rows = np.arange(len(facts))
    for turn in range(facts.shape[1]):
        chosen = np.where(np.nan_to_num(rank[:, turn], nan=-1.0) > rank[rows, chosen], turn, chosen)
        found[:, turn, _PROFILE] = facts[rows, chosen, _PROFILE]
    return found


def _comparable(episodes: Sequence[EpisodeRecord]) -> Array:
    """Returns 1 for the episodes of problems whose reference was timed under `torch.compile`, else NaN.

    A problem is out if one of its timed turns, or one of them when it was measured again, lacks that time. One without
    any timed turn is in, as nothing there could beat any baseline; but if there is no such time in the whole run, none
    is in.
    """
    lacking, known = set(), False
    for episode in episodes:
        reports = [turn.report for turn in episode.turns]
        if episode.confirmation is not None:
            reports.append(episode.confirmation.report)
        for report in reports:
            if speedup_of(report) is None:
                continue
            if speedup_of(report, Baseline.COMPILE) is None:
                lacking.add(episode.problem)
            else:
                known = True
    return np.array([1.0 if known and episode.problem not in lacking else np.nan for episode in episodes])
