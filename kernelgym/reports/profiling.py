"""Where the time goes and what would help: nodes, counterfactuals, compiled kernels, hottest lines."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kernelgym.reports.hot_lines import costly_lines
from kernelgym.reports.timing import flag_words, measured_facts
from kernelgym.reports.wording import (
    bound_words,
    ends,
    factor,
    microseconds,
    modelled_time,
    percent,
    plain,
    quantity,
    time_band,
)
from sandboxes.contracts import NodeProfile, Profile, Report

MAX_NODES: Final = 12
"""Nodes that are shown, slowest first; a model's forward may have thousands."""
MAX_HOT_LINES: Final = 5
SECTORS: Final = "sectors: of 32 bytes, per instruction of a warp; 4 hold 32 neighbours of float32"


def profiling(profile: Profile, report: Report) -> RenderableType:
    """Returns the tables of a profile; the caller adds the title, which says whether it was modelled or measured."""
    slowest = sorted(profile.nodes, key=lambda node: -node.time_us)[:MAX_NODES]
    shown = sorted(slowest, key=lambda node: node.node)
    parts: list[RenderableType] = [_nodes(shown, profile)]
    if hidden := len(profile.nodes) - len(shown):
        rest = profile.time_us - sum(node.time_us for node in shown)
        parts.append(Text(f"and {hidden} more nodes, together {microseconds(max(rest, 0.0))} µs", style="dim"))
    parts.append(_summary(profile, report))
    parts += [
        Text(plain(f"`{node.name}` has no price: {node.unpriced}"), style="yellow") for node in shown if node.unpriced
    ]
    if profile.measurement is not None:
        parts += [Text(), _measurement(profile)]
    if profile.counterfactuals:
        parts += [Text(), _counterfactuals(profile)]
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
            percent(node.time_us / total_us if total_us else 0.0), bound_words(node), percent(node.roofline_fraction),
        )  # fmt: skip
    return table


def _summary(profile: Profile, report: Report) -> Text:
    band, speedups = time_band(profile), profile.speedup_band
    between = "" if band is None else ends(microseconds(band[0]), microseconds(band[1]))
    speedup = "not verified" if report.speedup is None else factor(report.speedup)
    if report.speedup is not None and speedups is not None:
        speedup += ends(factor(speedups[0]), factor(speedups[1]))
    facts = [
        ("total", f"{microseconds(profile.time_us)} µs{between}"),
        ("reference", f"{microseconds(profile.reference_time_us)} µs"),
        ("best possible", f"{microseconds(profile.roofline_us)} µs"),
        ("speedup", speedup),
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


def _counterfactuals(profile: Profile) -> Table:
    """Returns what would help most, by the hardware model."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right")
    table.add_column("what would help most, by the model", ratio=1, overflow="fold")
    table.add_column("saves µs", justify="right", no_wrap=True)
    table.add_column("of all", justify="right", no_wrap=True)
    table.add_column("kernel", justify="right", no_wrap=True)
    whole_us = modelled_time(profile)
    for each in profile.counterfactuals:
        nodes = str(each.node) if each.other is None else f"{each.node}, {each.other}"
        table.add_row(
            nodes, Text(plain(each.text)), microseconds(each.saves_us),
            percent(min(each.saves_us / whole_us, 1.0)) if whole_us else "?", factor(each.node_speedup),
        )  # fmt: skip
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
    """Returns the lines that take the longest, or where times are not known move the most; None if no line is known."""
    lines = costly_lines(profile)[:MAX_HOT_LINES]
    if not lines:
        return None
    timed = any(line.time_us is not None for line in lines)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("line", justify="right")
    table.add_column("hottest lines", ratio=1)
    if timed:
        table.add_column("model µs" if profile.measurement is not None else "µs", justify="right", no_wrap=True)
        table.add_column("sectors", justify="right", no_wrap=True)
    table.add_column("traffic", justify="right", no_wrap=True)
    table.add_column("arithmetic", justify="right", no_wrap=True)
    for line in lines:
        source = Text(plain(line.excerpt.strip()), no_wrap=True, overflow="ellipsis")
        times = (
            "" if line.time_us is None else microseconds(line.time_us),
            "" if line.sectors is None else f"{line.sectors:.1f}",
        )
        table.add_row(
            str(line.number), source, *(times if timed else ()), quantity(line.bytes, "B"), quantity(line.flops, "flop")
        )
    if timed and any(line.sectors is not None for line in lines):
        table.caption = SECTORS
        table.caption_justify = "left"
    return table


def _optional(value: int | None) -> str:
    return "" if value is None else str(value)
