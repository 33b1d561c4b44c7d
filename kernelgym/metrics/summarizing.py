"""From the episodes of a run to its `Summary`."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from kernelgym.metrics.attempts import problems_at_k
from kernelgym.metrics.board import Array, Board, Standing, Verdict
from kernelgym.metrics.costs import total_costs
from kernelgym.metrics.hacks import summarize_hacks
from kernelgym.metrics.intervals import NOTHING, Estimate, Resampling
from kernelgym.metrics.rates import best_speedup
from kernelgym.metrics.summary import Attempts, Confirmed, Rates, Summary, TurnSummary
from kernelgym.metrics.views import THRESHOLDS, Baseline, View
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome


def summarize(episodes: Sequence[EpisodeRecord], turns: int | None = None) -> Summary:
    """Returns all metrics of a run.

    Args:
        episodes: Finished ones, in any order, at most one for each problem and sample.
        turns: Most turns of an episode; None: as many as the longest has.
    """
    board = Board.of(episodes, turns)
    resampling = Resampling(board.problems)
    lost = Counter(episode.loss for episode in episodes if episode.loss is not None)
    everything = sorted(episodes, key=lambda episode: episode.key)
    infrastructure = np.array([float(episode.loss is Loss.INFRASTRUCTURE) for episode in everything])
    errors = np.array([float(episode.loss is Loss.POLICY) for episode in board.episodes])
    return Summary(
        episodes=len(episodes),
        problems=len(set(board.problems)),
        counted=len(board.episodes),
        lost={reason.value: lost[reason] for reason in Loss},
        policy_errors=resampling.shares(errors)[0],
        infrastructure=Resampling([episode.problem for episode in everything]).shares(infrastructure)[0],
        submitted=sum(episode.submitted for episode in board.episodes),
        last=tuple(_turn(board, turn, View.LAST, resampling) for turn in range(1, board.turns + 1)),
        best=tuple(_turn(board, turn, View.BEST, resampling) for turn in range(1, board.turns + 1)),
        confirmed=_confirmed(board),
        last_at_k=_attempts(board, board.at(board.turns)),
        best_at_k=_attempts(board, board.at(board.turns, View.BEST)),
        hacks=summarize_hacks(board.episodes, resampling),
        outcomes=tuple(_outcomes(board, turn) for turn in range(1, board.turns + 1)),
        best_speedup=best_speedup(board.episodes),
        costs=total_costs(everything),
        speed=_speed(board.episodes),
    )


def attempt_numbers(problems: Sequence[str]) -> tuple[int, ...]:
    """Returns the `k` that are reported: powers of two up to the most samples of a problem, and that number."""
    most = max(Counter(problems).values(), default=0)
    return tuple(sorted({2**power for power in range(most.bit_length())} | ({most} if most else set())))


def _turn(board: Board, turn: int, view: View, resampling: Resampling) -> TurnSummary:
    standing = board.at(turn, view)
    compiled, hacked = resampling.shares(standing.compiled, standing.hacked)
    return TurnSummary(
        turn=turn, played=int((board.played >= turn).sum()), compiled=compiled, hacked=hacked,
        **dict(_rates(standing, resampling)),
    )  # fmt: skip


def _rates(standing: Standing, resampling: Resampling) -> Rates:
    correct, *fast = resampling.shares(
        standing.correct,
        *(standing.fast(threshold, baseline) for baseline in Baseline for threshold in THRESHOLDS),
    )
    reward, coverage, replaced = resampling.means(standing.reward, standing.coverage, standing.replaced)
    speedup, speedup_compile = resampling.geometric_means(*(standing.log_speedup(baseline) for baseline in Baseline))
    return Rates(
        correct=correct, fast=_named(fast[: len(THRESHOLDS)]), fast_compile=_named(fast[len(THRESHOLDS) :]),
        speedup=speedup, speedup_compile=speedup_compile, reward=reward, coverage=coverage, replaced=replaced,
    )  # fmt: skip


def _named(estimates: Sequence[Estimate]) -> dict[str, Estimate]:
    """Returns estimates by threshold; none if nothing could be compared."""
    return {f"{p:g}": estimate for p, estimate in zip(THRESHOLDS, estimates, strict=True) if estimate.n}


def _confirmed(board: Board) -> Confirmed | None:
    """Returns the chosen turns before and after; an episode without a correct turn fails both times."""
    if not any(episode.confirmation is not None for episode in board.episodes):
        return None
    pairs = [_choice(episode) for episode in board.episodes]
    rows = [row for row, pair in enumerate(pairs) if pair is not None]
    chosen = [pair for pair in pairs if pair is not None]
    resampling = Resampling([board.problems[row] for row in rows])
    selected, confirmed = (
        _rates(Standing.of([pair[side] for pair in chosen], board.comparable[rows]), resampling) for side in (0, 1)
    )
    return Confirmed(
        episodes=len(rows), unconfirmed=len(pairs) - len(rows), selected=selected, confirmed=confirmed
    )  # fmt: skip


def _choice(episode: EpisodeRecord) -> tuple[Verdict, Verdict] | None:
    """Returns the best turn's verdicts, as chosen and as confirmed; None if the second is missing or was lost."""
    again, best = episode.confirmation, episode.best
    if again is not None:
        if again.report.outcome is Outcome.INFRASTRUCTURE:
            return None
        chosen = episode.turns[again.turn - 1]
        return (chosen.report, chosen.reward), (again.report, again.reward)
    if best is None:
        return None, None
    verdict = best.report, best.reward
    return None if best.report.outcome is Outcome.OK else (verdict, verdict)


def _attempts(board: Board, standing: Standing) -> tuple[Attempts, ...]:
    columns = {"correct": standing.correct, **{f"{p:g}": standing.fast(p) for p in THRESHOLDS}}
    return tuple(_attempts_at(board.problems, columns, k) for k in attempt_numbers(board.problems))


def _attempts_at(problems: Sequence[str], columns: Mapping[str, Array], k: int) -> Attempts:
    found = {name: problems_at_k(problems, success, k) for name, success in columns.items()}
    names = list(found["correct"])
    values = (np.array(list(by_problem.values())) for by_problem in found.values())
    estimates = dict(zip(found, Resampling(names).shares(*values), strict=True)) if names else {}
    correct = estimates.pop("correct", NOTHING)
    return Attempts(k=k, correct=correct, fast=estimates)


def _outcomes(board: Board, turn: int) -> dict[str, int]:
    played = (episode.turns[turn - 1] for episode in board.episodes if len(episode.turns) >= turn)
    found = Counter(played.report.outcome for played in played)
    return {outcome.value: found[outcome] for outcome in Outcome if found[outcome]}


def _speed(episodes: Sequence[EpisodeRecord]) -> str | None:
    profiles = (turn.report.profile for episode in episodes for turn in episode.turns)
    sources = {f"{profile.source} {profile.device}" for profile in profiles if profile is not None}
    return ", ".join(sorted(sources)) or None
