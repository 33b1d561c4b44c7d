"""Many evaluations in one table: what each candidate is, how it was judged, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from kernelgym.reports.wording import EVEN, VERDICTS, cut, factor, percent, plain, reason
from rewards import Reward
from sandboxes.contracts import Report

MAX_REASON = 96
"""Characters of a reason that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate."""

    name: str
    intent: str
    """What it is or what it tries."""
    report: Report
    reward: Reward


def render_overview(rows: Sequence[Row], title: str) -> Table:
    """Returns one row per candidate: name and intent, verdict and reason, speedup, coverage, reward.

    Args:
        rows: In the order to show them.
        title: Says whether the speedups are modelled or measured, and for which GPU.
    """
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    table.pad_edge, table.collapse_padding = False, True
    table.add_column("candidate", ratio=5, overflow="fold")
    table.add_column("verdict, and why", ratio=6, overflow="fold")
    table.add_column("speedup", justify="right", no_wrap=True)
    table.add_column("coverage", justify="right", no_wrap=True)
    table.add_column("reward", justify="right", no_wrap=True)
    for row in rows:
        report = row.report
        table.add_row(
            Text.assemble((plain(row.name), "bold"), "\n", (plain(row.intent), "dim")),
            _verdict(report),
            "–" if report.speedup is None else factor(report.speedup),
            "–" if report.coverage is None else percent(report.coverage),
            "none" if row.reward.value is None else f"{row.reward.value:.2f}",
        )
    return table


def _verdict(report: Report) -> Text:
    verdict = VERDICTS[report.outcome]
    slower = report.speedup is not None and report.speedup < 1 - EVEN
    text = Text.assemble((f"{verdict.symbol} {verdict.words}{', but slower' if slower else ''}", verdict.style))
    if why := cut(reason(report), MAX_REASON):
        text.append(f"\n{why}")
    return text
