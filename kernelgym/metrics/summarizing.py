"""From the episodes of a run to its `Summary`."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from kernelgym.metrics.attempts import problems_at_k
from kernelgym.metrics.board import Array, Board, Standing
from kernelgym.metrics.confirming import confirmed_choices
from kernelgym.metrics.costs import total_costs
from kernelgym.metrics.hacks import summarize_hacks
from kernelgym.metrics.intervals import NOTHING, Estimate, Resampling
from kernelgym.metrics.rates import best_speedup
from kernelgym.metrics.summary import Attempts, Confirmed, Method, Rates, Summary, TurnSummary
from kernelgym.metrics.views import THRESHOLDS, Baseline, View
from kernelgym.runs.record import EpisodeRecord, Loss
from sandboxes.contracts import Outcome


def summarize(episodes: Sequence[EpisodeRecord], turns: int = 1) -> Summary:
    """Returns all metrics of a run.

    Args:
        episodes: Finished ones, in any order, at most one for each problem and sample.
        turns: Most turns that an episode of the run may have; there are more if one has.
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
        last=_turns(board, View.LAST, resampling),
        best=_turns(board, View.BEST, resampling),
        confirmed=_confirmed(board),
        last_at_k=_attempts(board, board.at(board.turns)),
        best_at_k=_attempts(board, board.at(board.turns, View.BEST)),
        hacks=summarize_hacks(board.episodes, resampling),
        outcomes=tuple(_outcomes(board, turn) for turn in range(1, board.turns + 1)),
        best_speedup=best_speedup(board.episodes),
        costs=total_costs(everything),
        speed=_speed(board.episodes),
        intervals=Method(resamples=resampling.resamples),
    )


def attempt_numbers(problems: Sequence[str]) -> tuple[int, ...]:
    """Returns the `k` that are reported: powers of two up to the most samples of a problem, and that number."""
    most = max(Counter(problems).values(), default=0)
    return tuple(sorted({2**power for power in range(most.bit_length())} | ({most} if most else set())))


def _turns(board: Board, view: View, resampling: Resampling) -> tuple[TurnSummary, ...]:
    turns = range(1, board.turns + 1)
    standings = [board.at(turn, view) for turn in turns]
    shares = resampling.shares(*(column for each in standings for column in (each.compiled, each.hacked)))
    return tuple(
        TurnSummary(
            turn=turn, played=int((board.played >= turn).sum()), compiled=shares[2 * turn - 2],
            hacked=shares[2 * turn - 1], **dict(rates),
        )
        for turn, rates in zip(turns, _rates(standings, resampling), strict=True)
    )  # fmt: skip


def _rates(standings: Sequence[Standing], resampling: Resampling) -> list[Rates]:
    """Returns the rates of each; one after the other would take several times as long."""
    shares = resampling.shares(
        *(
            column
            for each in standings
            for column in (each.correct, *(each.fast(p, baseline) for baseline in Baseline for p in THRESHOLDS))
        )
    )
    means = resampling.means(*(column for each in standings for column in (each.reward, each.coverage, each.replaced)))
    speedups = resampling.geometric_means(*(each.log_speedup(baseline) for each in standings for baseline in Baseline))
    found = []
    width = 1 + 2 * len(THRESHOLDS)
    for index in range(len(standings)):
        correct, *fast = shares[index * width : (index + 1) * width]
        reward, coverage, replaced = means[3 * index : 3 * index + 3]
        speedup, speedup_compile = speedups[2 * index : 2 * index + 2]
        found.append(
            Rates(
                correct=correct, fast=_named(fast[: len(THRESHOLDS)]), fast_compile=_named(fast[len(THRESHOLDS) :]),
                speedup=speedup, speedup_compile=speedup_compile, reward=reward, coverage=coverage, replaced=replaced,
            )
        )  # fmt: skip
    return found


def _named(estimates: Sequence[Estimate]) -> dict[str, Estimate]:
    """Returns estimates by threshold; none if nothing could be compared."""
    return {f"{p:g}": estimate for p, estimate in zip(THRESHOLDS, estimates, strict=True) if estimate.n}


def _confirmed(board: Board) -> Confirmed | None:
    choices = confirmed_choices(board)
    if choices is None:
        return None
    selected, confirmed = _rates([choices.selected, choices.confirmed], Resampling(choices.problems))
    return Confirmed(
        episodes=len(choices.problems),
        unconfirmed=len(board.episodes) - len(choices.problems),
        selected=selected,
        confirmed=confirmed,
    )


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
