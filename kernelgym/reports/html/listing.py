"""The list of episodes: what is needed to find one, short enough to have a thousand of them at hand."""

from collections.abc import Sequence
from typing import Any

from kernelgym.metrics import UNCOUNTED
from kernelgym.reports.html.addresses import address
from kernelgym.reports.html.embedding import shown
from kernelgym.runs.record import EpisodeRecord


def list_episodes(episodes: Sequence[EpisodeRecord]) -> list[dict[str, Any]]:
    """Returns an entry per episode: address, problem, sample, turns, best reward, best speedup, loss."""
    return [
        {
            "a": address(episode.key),
            "p": shown(episode.problem, 120),
            "s": episode.sample,
            "t": [
                [turn.report.outcome.value, _short(turn.report.speedup), _short(turn.reward)] for turn in episode.turns
            ],
            "r": None if episode.loss in UNCOUNTED or episode.best is None else _short(episode.best.reward),
            "x": _short(max((turn.report.speedup or 0.0 for turn in episode.turns), default=0.0) or None),
            "l": None if episode.loss is None else episode.loss.value,
        }
        for episode in episodes
    ]


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
