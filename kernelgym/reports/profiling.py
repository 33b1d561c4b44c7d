"""Where the time goes: nodes, compiled kernels, hottest lines."""

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.timing import flag_words, measured_facts
from kernelgym.reports.wording import factor, microseconds, percent, plain, quantity
from sandboxes.contracts import NodeProfile, Profile, Report

MAX_NODES: Final = 12
"""Nodes that are shown, slowest first; a model's forward may have thousands."""
MAX_HOT_LINES: Final = 5


def profiling(profile: Profile, report: Report) -> RenderableType:
    """Returns the tables of a profile; the caller adds the title, which says whether it was modelled or measured."""
    slowest = sorted(profile.nodes, key=lambda node: -node.time_us)[:MAX_NODES]
    shown = sorted(slowest, key=lambda node: node.node)
    parts: list[RenderableType] = [_nodes(shown, profile)]
    if hidden := len(profile.nodes) - len(shown):
        rest = profile.time_us - sum(node.time_us for node in shown)
        parts.append(Text(f"and {hidden} more nodes, together {microseconds(max(rest, 0.0))} µs", style="dim"))
    parts.append(_summary(profile, report))
    if profile.measurement is not None:
        parts += [Text(), _measurement(profile)]
    if compiled := [node for node in shown if node.resources is not None]:
        parts += [Text(), _kernels(compiled)]
    if hottest := _hottest(profile):
        parts += [Text(), hottest]
    return Group(*parts)


def _nodes(nodes: list[NodeProfile], profile: Profile) -> Table:
    total_us = profile.time_us
    modelled = {} if profile.measurement is None else profile.measurement.modelled_nodes_us
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("kernel or operator", ratio=1, overflow="fold")
    table.add_column("line", justify="right")
    table.add_column("µs", justify="right", no_wrap=True)
    if modelled:
        table.add_column("model µs", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("bound", no_wrap=True)
    table.add_column("roofline", justify="right", no_wrap=True)
    for node in nodes:
        name = Text(plain(node.name), style="bold" if node.custom else "")
        if not node.live:
            name.append("  (result unused)", style="yellow")
        table.add_row(
            str(node.node), name, _optional(node.line), microseconds(node.time_us),
            *((microseconds(modelled[node.node]) if node.node in modelled else "?",) if modelled else ()),
            percent(node.time_us / total_us if total_us else 0.0), node.bound, percent(node.roofline_fraction),
        )  # fmt: skip
    return table


def _summary(profile: Profile, report: Report) -> Text:
    facts = [
        ("total", f"{microseconds(profile.time_us)} µs"),
        ("reference", f"{microseconds(profile.reference_time_us)} µs"),
        ("best possible", f"{microseconds(profile.roofline_us)} µs"),
        ("speedup", "not verified" if report.speedup is None else factor(report.speedup)),
        ("coverage", percent(profile.coverage)),
    ]
    text = Text()
    for name, value in facts:
        text.append("   " if text else "").append(f"{name} ", style="dim").append(value, style="bold")
    return text


def _measurement(profile: Profile) -> Table:
    """Returns how times were measured, and first what is wrong with them."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for words in flag_words(profile):
        table.add_row(Text("!", style="bold yellow"), Text(words, style="yellow"))
    for name, words in measured_facts(profile):
        table.add_row(Text(name), Text(words))
    return table


def _kernels(nodes: list[NodeProfile]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("configuration and grid", ratio=1, overflow="fold")
    for column in ("regs", "spill B", "shared B", "threads", "occupancy"):
        table.add_column(column, justify="right", no_wrap=True)
    for node in nodes:
        resources = node.resources
        if resources is None:
            continue
        grid = "" if node.grid is None else f"grid {'×'.join(map(str, node.grid))}"
        occupancy = percent(resources.occupancy)
        if resources.limited_by != "nothing":
            occupancy += f" ({plain(resources.limited_by)})"
        table.add_row(
            str(node.node), Text(plain(", ".join(filter(None, (node.config, grid))))), str(resources.registers),
            str(resources.spill_bytes), f"{resources.shared_bytes:,}", str(resources.threads), Text(occupancy),
        )  # fmt: skip
    return table


def _hottest(profile: Profile) -> Table | None:
    """Returns the lines that move the most bytes, then compute the most; None if no line is known."""
    lines = sorted(_hot_lines(profile), key=lambda item: (-item[2], -item[3]))[:MAX_HOT_LINES]
    if not lines:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("line", justify="right")
    table.add_column("hottest lines", ratio=1)
    table.add_column("traffic", justify="right", no_wrap=True)
    table.add_column("arithmetic", justify="right", no_wrap=True)
    for line, excerpt, size, flops in lines:
        source = Text(plain(excerpt.strip()), no_wrap=True, overflow="ellipsis")
        table.add_row(str(line), source, quantity(size, "B"), quantity(flops, "flop"))
    return table


def _hot_lines(profile: Profile) -> Iterator[tuple[int, str, int, int]]:
    """Yields (line, excerpt, bytes, flops), summed over the nodes that contain the line."""
    sums: dict[int, tuple[str, int, int]] = {}
    for node in profile.nodes:
        for hot in node.hot_lines:
            _, size, flops = sums.get(hot.line, ("", 0, 0))
            sums[hot.line] = (hot.excerpt, size + hot.bytes, flops + hot.flops)
    return ((line, *rest) for line, rest in sums.items())


def _optional(value: int | None) -> str:
    return "" if value is None else str(value)
