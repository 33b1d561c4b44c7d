"""A run in one table: what happened turn by turn in each episode, then rates and means."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.metrics import UNCOUNTED, Summary, best_speedup, counted
from kernelgym.reports.totals import render_totals
from kernelgym.reports.wording import EVEN, VERDICTS, cut, factor, plain, provenance
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from sandboxes.contracts import Outcome

MAX_ROWS: Final = 40
"""Rows of a table; with more episodes there is a row per problem, and with more problems only the first are shown."""

MAX_MESSAGE: Final = 120
"""Characters of the reason why an episode was lost."""

ERROR_WORDS: Final = {Loss.SKIPPED: "skipped", Loss.POLICY: "the policy failed", Loss.INFRASTRUCTURE: "lost"}


def render_run(episodes: Sequence[EpisodeRecord], summary: Summary, target: str) -> RenderableType:
    """Returns the tables of a run: its episodes, or its problems if they are many, and the totals.

    Args:
        episodes: In any order.
        summary: Of the same episodes.
        target: The GPU that was asked for, shown where nothing was timed.
    """
    ordered = sorted(episodes, key=lambda episode: episode.key)
    known = speed_of(ordered)
    speed = f"speed {known}" if known else f"nothing was timed for {target}"
    parts: list[RenderableType] = []
    if ordered:
        parts.append(_episodes(ordered, speed) if len(ordered) <= MAX_ROWS else _problems(ordered, speed))
    parts += [*render_totals(summary, known or ""), Text()]
    return Group(*parts)


def speed_of(episodes: Sequence[EpisodeRecord]) -> str | None:
    """Returns where the times come from: `modelled for NVIDIA H200`; None if nothing was timed."""
    profiles = (turn.report.profile for episode in episodes for turn in episode.turns)
    return next((provenance(profile) for profile in profiles if profile is not None), None)


def describe_turn(turn: TurnRecord) -> Text:
    """Returns a turn in a word or two: `✓ 1.98×` or `✗ wrong result`."""
    verdict, speedup = VERDICTS[turn.report.outcome], turn.report.speedup
    words, style = verdict.words, verdict.style.removeprefix("bold ")
    if turn.report.outcome is Outcome.OK:
        words = "not timed" if speedup is None else factor(speedup)
        style = style if speedup is not None and speedup > 1 - EVEN else "yellow"
    return Text(f"{verdict.symbol} {words}", style=style)


def _table(title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    table.collapse_padding = True
    return table


def _episodes(episodes: Sequence[EpisodeRecord], speed: str) -> Table:
    table = _table(f"Episodes, {speed}")
    table.add_column("problem", overflow="fold", min_width=14)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("turn by turn", overflow="fold", ratio=1)
    table.add_column("reward", justify="right", no_wrap=True)
    table.add_column("speedup", justify="right", no_wrap=True)
    for problem, group in groupby(episodes, key=lambda episode: episode.problem):
        for index, episode in enumerate(group):
            speedup = best_speedup([episode])
            table.add_row(
                Text(plain(problem) if index == 0 else "", style="bold"),
                str(episode.sample),
                _story(episode),
                _number(None if episode.loss in UNCOUNTED or episode.best is None else episode.best.reward),
                "–" if speedup is None else factor(speedup),
            )
    return table


def _story(episode: EpisodeRecord) -> Text:
    text = Text()
    for turn in episode.turns:
        text.append(" → " if text else "", style="dim").append_text(describe_turn(turn))
    if episode.error is not None:
        message = cut(episode.error.message, MAX_MESSAGE)
        text.append(" → " if episode.turns else "", style="dim")
        text.append(f"! {ERROR_WORDS[episode.error.kind]}: {message}", style="yellow")
    return text


def _problems(episodes: Sequence[EpisodeRecord], speed: str) -> Table:
    """Returns a row per problem: of how many counted episodes the best turn is correct, or beats the reference."""
    groups = [list(group) for _, group in groupby(episodes, key=lambda episode: episode.problem)]
    table = _table(f"Problems, {speed}")
    table.add_column("problem", overflow="fold", min_width=14)
    for name in ("counted", "correct", "faster", "reward", "speedup"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups[:MAX_ROWS]:
        chosen = counted(group)
        speedups = [best_speedup([episode]) for episode in chosen]
        rewards = [e.best.reward for e in chosen if e.best is not None and e.best.reward is not None]
        largest = best_speedup(chosen)
        table.add_row(
            Text(plain(group[0].problem), style="bold"),
            f"{len(chosen)}/{len(group)}",
            str(sum(any(turn.report.outcome is Outcome.OK for turn in episode.turns) for episode in chosen)),
            str(sum(speedup is not None and speedup >= 1 for speedup in speedups)),
            _number(max(rewards, default=None)),
            "–" if largest is None else factor(largest),
        )
    if len(groups) > MAX_ROWS:
        table.add_row(Text(f"… {len(groups) - MAX_ROWS} more", style="dim"))
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
