"""A run in one table: what happened turn by turn in each episode, then rates and means."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.metrics import THRESHOLDS, Summary, best_speedup
from kernelgym.reports.wording import EVEN, VERDICTS, cut, factor, percent, plain, provenance
from kernelgym.runs.record import EpisodeRecord, Loss, TurnRecord
from sandboxes.contracts import Outcome

MAX_ROWS: Final = 40
"""Rows of a table; with more episodes there is a row per problem, and with more problems only the first are shown."""

MAX_TURNS: Final = 6
"""Turns of the totals that are shown; of more, the first ones and the last."""

MAX_MESSAGE: Final = 120
"""Characters of the reason why an episode was lost."""

LOSS_WORDS: Final = {
    Loss.SKIPPED: "skipped",
    Loss.POLICY: "ended by an error of the policy",
    Loss.INFRASTRUCTURE: "lost to a fault of this machine",
}

ERROR_WORDS: Final = {Loss.SKIPPED: "skipped", Loss.POLICY: "the policy failed", Loss.INFRASTRUCTURE: "lost"}


def render_run(episodes: Sequence[EpisodeRecord], summary: Summary, target: str) -> RenderableType:
    """Returns the tables of a run: its episodes, or its problems if they are many, and the totals.

    Args:
        episodes: In any order.
        summary: Of the same episodes.
        target: The GPU that was asked for, shown where nothing was timed.
    """
    ordered = sorted(episodes, key=lambda episode: episode.key)
    speed = speed_of(ordered) or f"nothing was timed for {target}"
    parts: list[RenderableType] = []
    if ordered:
        parts.append(_episodes(ordered, speed) if len(ordered) <= MAX_ROWS else _problems(ordered, speed))
    parts += [_totals(summary), Text(_caption(speed), style="dim"), Text()]
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


def describe_losses(lost: dict[str, int]) -> str:
    """Returns how many episodes do not count, and why; empty if all do."""
    return ", ".join(f"{lost[reason]} {words}" for reason, words in LOSS_WORDS.items() if lost.get(reason))


def _table(title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    table.collapse_padding = True
    return table


def _episodes(episodes: Sequence[EpisodeRecord], speed: str) -> Table:
    table = _table(f"Episodes, speed {speed}")
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
                _number(None if episode.loss or episode.best is None else episode.best.reward),
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
    """Returns a row per problem: of how many judged episodes the best turn is correct, or faster than the reference."""
    groups = [list(group) for _, group in groupby(episodes, key=lambda episode: episode.problem)]
    table = _table(f"Problems, speed {speed}")
    table.add_column("problem", overflow="fold", min_width=14)
    for name in ("judged", "correct", "faster", "reward", "speedup"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in groups[:MAX_ROWS]:
        counted = [episode for episode in group if episode.loss is None]
        speedups = [best_speedup([episode]) for episode in counted]
        rewards = [e.best.reward for e in counted if e.best is not None and e.best.reward is not None]
        largest = best_speedup(counted)
        table.add_row(
            Text(plain(group[0].problem), style="bold"),
            f"{len(counted)}/{len(group)}",
            str(sum(any(turn.report.outcome is Outcome.OK for turn in episode.turns) for episode in counted)),
            str(sum(speedup is not None and speedup >= 1 for speedup in speedups)),
            _number(max(rewards, default=None)),
            "–" if largest is None else factor(largest),
        )
    if len(groups) > MAX_ROWS:
        table.add_row(Text(f"… {len(groups) - MAX_ROWS} more", style="dim"))
    return table


def _totals(summary: Summary) -> Table:
    shown = list(summary.last)
    if len(shown) > MAX_TURNS:
        shown = [*shown[: MAX_TURNS - 1], shown[-1]]
    several = len(summary.last) > 1
    columns = shown + ([summary.best] if several else [])
    table = _table(_heading(summary))
    table.add_column("")
    for column in shown:
        table.add_column(f"turn {column.turn}", justify="right", no_wrap=True)
    if several:
        table.add_column("best turn", justify="right", no_wrap=True)
    table.add_row("correct", *(_rate(column.correct) for column in columns))
    for threshold in THRESHOLDS:
        name = f"{threshold:g}"
        table.add_row(f"fast@{name}", *(_rate(column.fast.get(name)) for column in columns))
    table.add_row("mean reward", *(_number(column.mean_reward) for column in columns))
    table.add_row("played", *(str(column.played) for column in shown))
    return table


def _heading(summary: Summary) -> str:
    heading = f"{summary.judged} of {summary.episodes} episode{'' if summary.episodes == 1 else 's'} judged"
    lost = describe_losses(summary.lost)
    return f"{heading}; {lost}" if lost else heading


def _caption(speed: str) -> str:
    return (
        "Shares and means of all judged episodes; one that ended early counts with its last turn. "
        f"fast@p: correct, and the speedup, {speed}, is at least p."
    )


def _rate(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
