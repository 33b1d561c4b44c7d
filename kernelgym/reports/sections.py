"""What profilers say about a candidate, as tables below its report."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.wording import plain
from sandboxes.devices.cuda.sections.section import Metric, Row, Section, Tool

TITLES: Final = {Tool.NCU: "Nsight Compute", Tool.PROTON: "Proton"}
STALLS: Final = "stalled: "
"""How the labels of causes of waiting begin."""
MAX_ROWS: Final = 24
"""Kernels that are shown; JSON has all."""


def render_sections(sections: tuple[Section, ...]) -> RenderableType:
    """Returns a table per tool, with its remarks; a tool without rows says why."""
    parts: list[RenderableType] = []
    for section in sections:
        parts += [Text(), _title(section)]
        if section.rows:
            parts.append(_table(section.rows[:MAX_ROWS]))
        if hidden := len(section.rows) - MAX_ROWS:
            parts += [Text(f"and {hidden} more kernels (--json has all)", style="dim")] if hidden > 0 else []
        parts += [Text(plain(note), style="dim" if section.rows else "yellow") for note in section.notes]
    return Group(*parts)


def _title(section: Section) -> Text:
    facts = [TITLES[section.tool], section.version or "", f"on {section.device}" if section.device else ""]
    return Text(plain(" ".join(filter(None, facts))), style="bold")


def _table(rows: tuple[Row, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("kernel", overflow="fold")
    table.add_column("what was counted", ratio=1, overflow="fold")
    for row in rows:
        counted = [f"{metric.label} {_amount(metric)}" for metric in row.metrics if not _is_stall(metric)]
        if (worst := _worst(row)) is not None:
            counted.append(f"waits for {worst.label.removeprefix(STALLS)} ({worst.value:.2f} warps)")
        node = "?" if row.node is None else str(row.node)
        table.add_row(node, Text(plain(row.kernel)), Text(plain(", ".join(counted))))
    return table


def _worst(row: Row) -> Metric | None:
    """Returns what most warps wait for, if any do."""
    stalls = [metric for metric in row.metrics if _is_stall(metric) and metric.value > 0]
    return max(stalls, key=lambda metric: metric.value, default=None)


def _is_stall(metric: Metric) -> bool:
    return metric.label.startswith(STALLS)


def _amount(metric: Metric) -> str:
    """Returns a number with the tool's unit."""
    number = f"{metric.value:,.0f}" if metric.value == round(metric.value) else f"{metric.value:,.4g}"
    if abs(metric.value) >= 1000:
        number = f"{metric.value:,.0f}"
    return f"{number} {metric.unit}".rstrip()
