"""The best turns before and after they were measured again: how much of a best-of-history is luck.

Of several noisy measurements the best is flattered by its noise. The second measurement took no part in the choice.
"""

from dataclasses import dataclass

from kernelgym.metrics.board import Board, Standing, Verdict
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Outcome


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choices:
    """The episodes whose choice was confirmed, or had nothing to confirm."""

    problems: tuple[str, ...]
    """Of each."""
    selected: Standing
    """As measured when chosen."""
    confirmed: Standing
    """As measured again."""


def confirmed_choices(board: Board) -> Choices | None:
    """Returns the chosen turns, the best of their episodes; None if none was measured again.

    An episode without a correct turn fails both times. Out are those whose second measurement is missing or was lost.
    """
    if not any(episode.confirmation is not None for episode in board.episodes):
        return None
    pairs = [_choice(episode) for episode in board.episodes]
    rows = [row for row, pair in enumerate(pairs) if pair is not None]
    chosen = [pair for pair in pairs if pair is not None]
    return Choices(
        problems=tuple(board.problems[row] for row in rows),
        selected=Standing.of([before for before, _ in chosen], board.comparable[rows]),
        confirmed=Standing.of([after for _, after in chosen], board.comparable[rows]),
    )


def _choice(episode: EpisodeRecord) -> tuple[Verdict, Verdict] | None:
    """Returns the best turn's verdicts, as chosen and as confirmed; None if the second is missing or was lost."""
    again, best = episode.confirmation, episode.best
    if again is not None:
        if again.report.outcome is Outcome.INFRASTRUCTURE:
            return None
        chosen = episode.turns[again.turn - 1]
        return (chosen.report, chosen.reward), (again.report, again.reward)
    if best is None:
        return (None, episode.forfeit), (None, episode.forfeit)
    verdict = best.report, best.reward
    return None if best.report.outcome is Outcome.OK else (verdict, verdict)
