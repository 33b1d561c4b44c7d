"""What would help a program most: each change priced by the functions that priced the program itself.

A counterfactual is a program with one thing changed. It is priced as a whole, so that nobody is promised bytes that the
L2 cache has saved already, and a node that warmed the cache for another is not simply taken away. Whatever a change
may do, no node becomes faster than the roofline of what it still has to do.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Final

from sandboxes.contracts import Counterfactual, Remedy, Target, clip
from sandboxes.hardware.explaining.balance import balancing_remedies
from sandboxes.hardware.explaining.change import Change, named, sized
from sandboxes.hardware.explaining.computing import computing_remedies
from sandboxes.hardware.explaining.fusing import fused, streamed
from sandboxes.hardware.explaining.memory import memory_remedies
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.pricing import FREE_PRICE, roofline_us
from sandboxes.hardware.pricing.programs import PricedNode

Pricing = Callable[[Sequence[ProgramNode]], Sequence[PricedNode]]
"""Prices a whole program in order, what the L2 cache keeps from node to node included."""

GONE: Final = PricedNode(price=FREE_PRICE, cached_bytes=0.0)

MANY_PROGRAMS: Final = 10_000
"""Programs whose start is worth a word: a GPU starts one or two per nanosecond."""
NOTEWORTHY_BYTES: Final = 10**6
"""Traffic below which saving it is not what an advice is about."""

MOST: Final = 8
"""Counterfactuals that a profile holds."""
WORTHWHILE: Final = 0.02
"""Share of the program's time that a change must save."""
MINOR: Final = 0.05
"""Share of the program's time that a change must save to be told beside one that saves more than that."""
WORTH_WRITING: Final = 1.2
"""Speedup from which a kernel of one's own is worth more than a library's."""
MAX_CHANGES: Final = 64
"""Changes that are priced, those of the slowest nodes first."""
MAX_EFFORT: Final = 60_000
"""What pricing changes may take, about a second for the largest programs: each costs one for every node of the
program, whose place in the L2 cache is followed, and ten for every node that is changed and priced anew."""
MAX_ALIKE: Final = 512
"""Launches of one kernel that a change is applied to; a program may have thousands."""
MAX_TEXT: Final = 240
"""Characters of a counterfactual's words."""
NEAR: Final = 16
"""Nodes behind a producer among which its consumer is looked for."""


def explain(
    target: Target,
    program: Sequence[ProgramNode],
    pricing: Pricing,
    *,
    tf32: bool = True,
) -> tuple[Counterfactual, ...]:
    """Returns what would help most, the largest saving first.

    Args:
        target: The GPU.
        program: Nodes that take time, in order.
        pricing: Of any program.
        tf32: Whether float32 products may round to TF32.
    """
    now = pricing(program)
    whole_us = sum(time.price.time_us for time in now)
    if not whole_us:
        return ()
    found = []
    for change in _affordable(_changes(target, program, now, tf32=tf32), len(program)):
        counterfactual = _priced(target, program, now, change, pricing)
        least = WORTHWHILE * whole_us
        if counterfactual.remedy is Remedy.REPLACE and counterfactual.node_speedup < WORTH_WRITING:
            continue
        if counterfactual.saves_us >= least:
            found.append(counterfactual)
    found.sort(key=lambda each: -each.saves_us)
    if found and found[0].saves_us > MINOR * whole_us:
        found = [each for each in found if each.saves_us >= MINOR * whole_us]
    best: dict[tuple[object, ...], Counterfactual] = {}
    for each in found:
        best.setdefault((each.remedy, each.node, each.other, each.line), each)
    return tuple(best.values())[:MOST]


def _affordable(changes: Iterator[Change], nodes: int) -> Iterator[Change]:
    """Yields changes as long as pricing them takes bounded time."""
    effort = 0
    for change, _ in zip(changes, range(MAX_CHANGES), strict=False):
        yield change
        effort += nodes + 10 * len(change.instead)
        if effort > MAX_EFFORT:
            return


def _priced(
    target: Target, program: Sequence[ProgramNode], now: Sequence[PricedNode], change: Change, pricing: Pricing
) -> Counterfactual:
    changed = [change.instead.get(position, node) for position, node in enumerate(program)]
    then = iter(pricing([node for node in changed if node is not None]))
    before_us = after_us = saved_us = 0.0
    saved_bytes = 0.0
    for position, (old, new) in enumerate(zip(program, changed, strict=True)):
        time = next(then) if new is not None else GONE
        time_us = time.price.time_us
        if new is not None and position in change.instead:
            time_us = max(time_us, _least_us(target, new, time))
        saved_us += now[position].price.time_us - time_us
        moved = old.dram_bytes - now[position].cached_bytes
        saved_bytes += moved - (0.0 if new is None else new.dram_bytes - time.cached_bytes)
        if position in change.instead:
            before_us += now[position].price.time_us
            after_us += time_us
    saved_bytes = max(saved_bytes, 0.0)
    return Counterfactual(
        remedy=change.remedy,
        node=change.node,
        other=change.other,
        line=change.line,
        text=clip(_words(change, saved_bytes, _fewer_programs(program, change)), MAX_TEXT),
        saves_us=max(saved_us, 0.0),
        node_speedup=before_us / after_us if after_us else before_us / max(before_us - saved_us, 1e-3),
        saves_bytes=round(saved_bytes),
    )


def _least_us(target: Target, node: ProgramNode, time: PricedNode) -> float:
    """Returns the roofline of a node, with what it finds in the L2 cache for nothing, and of one launch."""
    work = node.work
    read = max(work.read_bytes - round(time.cached_bytes), 0)
    return roofline_us(target, replace(work, read_bytes=read)) + target.launch_overhead_us


def _words(change: Change, saved_bytes: float, fewer_programs: int) -> str:
    """Returns a change in words; of two kernels made one, also what saves the time."""
    if change.remedy is not Remedy.FUSE:
        return change.text
    saved = ["one launch"]
    if fewer_programs >= MANY_PROGRAMS:
        saved.append(f"the start of {fewer_programs:,} programs")
    if saved_bytes >= max(1.5 * change.between_bytes, NOTEWORTHY_BYTES):
        saved.append(f"one round trip of {sized(change.between_bytes)}")
    elif saved_bytes >= NOTEWORTHY_BYTES:
        saved.append(f"{sized(saved_bytes)} of traffic")
    listed = saved[0] if len(saved) == 1 else f"{', '.join(saved[:-1])} and {saved[-1]}"
    return f"{change.text}: saves {listed}"


def _fewer_programs(program: Sequence[ProgramNode], change: Change) -> int:
    """Returns how many programs fewer the last of nodes that become one starts: it takes the grid of the first."""
    fewer = 0
    for position, node in change.instead.items():
        if node is None or node.launch is None:
            continue
        launch = program[position].launch
        fewer += max(prod(launch.grid) - prod(node.launch.grid), 0) if launch is not None else 0
    return fewer


def _changes(
    target: Target, program: Sequence[ProgramNode], now: Sequence[PricedNode], *, tf32: bool
) -> Iterator[Change]:
    """Yields what is worth trying, the nodes that take longest first."""
    whole_us = sum(time.price.time_us for time in now)
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for position, node in enumerate(program):
        grid = None if node.launch is None else node.launch.grid
        groups[node.name, node.live, grid].append(position)
    slowest = sorted(groups.values(), key=lambda group: -sum(now[position].price.time_us for position in group))
    for group in slowest:
        if sum(now[position].price.time_us for position in group) < WORTHWHILE * whole_us:
            break
        if not program[group[0]].live:
            yield _removed(program, group)
    yield from _fusions(target, program, now, whole_us)
    for group in slowest:
        if sum(now[position].price.time_us for position in group) < WORTHWHILE * whole_us:
            return
        if program[group[0]].live:
            yield from _remedies(target, program, now, group[:MAX_ALIKE], tf32=tf32)


def _removed(program: Sequence[ProgramNode], group: list[int]) -> Change:
    node = program[group[0]]
    return Change(
        remedy=Remedy.REMOVE,
        node=node.node,
        text=f"leave out {named(node.name)}{_often(group)}: nobody uses what it computes",
        instead=dict.fromkeys(group),
    )


def _often(group: Sequence[int]) -> str:
    return f" (all {len(group)})" if len(group) > 1 else ""


def _remedies(
    target: Target, program: Sequence[ProgramNode], now: Sequence[PricedNode], group: list[int], *, tf32: bool
) -> Iterator[Change]:
    """Yields changes of one kernel or operator, in all its launches that are alike."""
    tried: dict[tuple[Remedy, int | None, int], tuple[str, dict[int, ProgramNode | None]]] = {}
    for position in sorted(group, key=lambda each: -now[each].price.time_us):
        node = program[position]
        counts: dict[tuple[Remedy, int | None], int] = defaultdict(int)
        for remedy, line, text, changed in _of_node(target, node, tf32=tf32):
            number = counts[remedy, line]
            counts[remedy, line] += 1
            tried.setdefault((remedy, line, number), (text, {}))[1][position] = changed
    for (remedy, line, _), (text, instead) in tried.items():
        node = program[min(instead)]
        where = f"{named(node.name)}{_often(list(instead))}: "
        yield Change(remedy=remedy, node=node.node, line=line, text=where + text, instead=instead)


def _of_node(target: Target, node: ProgramNode, *, tf32: bool) -> Iterator[tuple[Remedy, int | None, str, ProgramNode]]:
    if node.launch is None:
        if node.call is not None and node.call.launches and not node.call.waits:
            yield Remedy.REPLACE, None, "do its work in one kernel of your own", streamed(target, node)
        return
    found = (
        *memory_remedies(node.launch),
        *computing_remedies(target, node.launch, tf32=tf32, looped=bool(node.loops)),
        *balancing_remedies(target, node.launch),
    )
    for remedy, line, text, facts in found:
        yield remedy, line, text, replace(node, launch=facts)


def _fusions(
    target: Target,
    program: Sequence[ProgramNode],
    now: Sequence[PricedNode],
    whole_us: float,
) -> Iterator[Change]:
    """Yields neighbours as one node, all pairs of the same two kernels together."""
    pairs: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for first, second in _neighbours(program):
        pairs[program[first].name, program[second].name].append((first, second))
    costs = {
        names: sum(now[one].price.time_us + now[two].price.time_us for one, two in each)
        for names, each in pairs.items()
    }
    for names in sorted(pairs, key=lambda names: -costs[names]):
        if costs[names] < WORTHWHILE * whole_us:
            return
        instead: dict[int, ProgramNode | None] = {}
        size = 0.0
        for first, second in pairs[names][:MAX_ALIKE]:
            if first in instead or second in instead:
                continue
            one, two = program[first], program[second]
            kept = _kept(program, first, second)
            node = fused(target, one, two, kept)
            if node is None:
                continue
            instead |= {first: None, second: node}
            size += sum(one.writes[id_] for id_ in set(one.writes) & set(two.reads))
        if instead:
            first, second = min(instead), sorted(instead)[1]
            yield Change(
                remedy=Remedy.FUSE,
                node=program[first].node,
                other=program[second].node,
                text=_fusing_words(program[first], program[second], len(instead) // 2),
                instead=instead,
                between_bytes=size,
            )


def _fusing_words(one: ProgramNode, two: ProgramNode, pairs: int) -> str:
    often = f" ({pairs} times)" if pairs > 1 else ""
    return f"fuse {named(one.name)} into {named(two.name)}{often}"


def _neighbours(program: Sequence[ProgramNode]) -> Iterator[tuple[int, int]]:
    """Yields a producer and the first consumer of what it writes, if nothing between them stands in the way."""
    for first, one in enumerate(program):
        if not one.live:
            continue
        touched = set(one.reads) | set(one.writes)
        for second in range(first + 1, min(first + 1 + NEAR, len(program))):
            two = program[second]
            if set(one.writes) & set(two.reads):
                if two.live:
                    yield first, second
                break
            if set(two.writes) & touched:
                break


def _kept(program: Sequence[ProgramNode], first: int, second: int) -> frozenset[int]:
    """Returns what is between two nodes and wanted by others, too."""
    between = set(program[first].writes) & set(program[second].reads)
    kept = between & program[first].needed
    for storage in between - kept:
        for node in program[second + 1 :]:
            if storage in node.reads:
                kept.add(storage)
            if storage in node.writes or storage in kept:
                break
    return frozenset(kept)
