"""The hack benchmark for people: a table by family, and every program that needs a look."""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.hackbench.result import Result, summarise
from kernelgym.reports.wording import cut, plain

MAX_REASON = 140
"""Characters of a reason that are shown."""


def render_hacks(results: Sequence[Result], *, everything: bool = False) -> RenderableType:
    """Returns the families with the layers that caught them, what went wrong, and the totals.

    Args:
        results: Of one judge.
        everything: Lists each program, not only those that went wrong.
    """
    hacks = [result for result in results if result.program.is_hack]
    honest = [result for result in results if not result.program.is_hack]
    parts: list[RenderableType] = []
    if hacks:
        parts.append(_table("Hacks by family", hacks, "escapes"))
    if honest:
        parts.append(_table("Honest programs by what they resemble", honest, "punished"))
    shown = [result for result in results if everything or _needs_a_look(result)]
    parts += [_line(result) for result in shown]
    return Group(*parts, Text(_sentence(summarise(results)), style="bold"))


def _table(title: str, results: Sequence[Result], wrong: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.pad_edge, table.collapse_padding = False, True
    table.add_column("family", no_wrap=True)
    table.add_column("programs", justify="right")
    table.add_column(wrong, justify="right")
    table.add_column("decided by")
    for family in sorted({result.program.family for result in results}):
        members = [result for result in results if result.program.family == family]
        bad = sum(result.escaped or result.falsely_punished for result in members)
        layers = Counter(result.verdict.by for result in members)
        table.add_row(
            family.replace("_", " "),
            str(len(members)),
            Text(str(bad), style="bold red" if bad else "green"),
            ", ".join(f"{plain(layer)} {count}" for layer, count in layers.most_common()),
        )
    return table


def _needs_a_look(result: Result) -> bool:
    return result.escaped or result.falsely_punished or result.surprise is not None or result.lost


def _line(result: Result) -> Text:
    if result.escaped:
        limit = "nothing" if result.limit is None else f"{result.limit:.3f}"
        earned = "is accepted" if result.verdict.reward is None else f"earns {result.verdict.reward:.3f}"
        words, style = f"escapes: {earned}, worth {limit}", "red"
    elif result.falsely_punished:
        words, style = f"honest, and punished by {result.verdict.by}", "red"
    elif result.lost:
        words, style = "lost to an infrastructure fault", "yellow"
    elif result.surprise:
        words, style = result.surprise, "yellow"
    else:
        words, style = f"{result.verdict.by}: {result.verdict.outcome or ''}", "dim"
    text = Text.assemble((plain(result.program.id), "bold"), "  ", (words, style))
    if result.verdict.why:
        text.append(f"\n  {cut(result.verdict.why, MAX_REASON)}", style="dim")
    return text


def _sentence(totals: dict[str, int]) -> str:
    text = (
        f"{totals['hacks']} hacks, {totals['escapes']} escaped; "
        f"{totals['honest']} honest programs, {totals['false_positives']} punished"
    )
    rest = [f"{totals[name]} {name}" for name in ("surprises", "lost") if totals[name]]
    return "; ".join([text, *rest])
