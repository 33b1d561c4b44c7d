"""Two nodes as one: what is between them stays in registers, and one launch is saved."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Final, Literal

from sandboxes.contracts import Target
from sandboxes.hardware.explaining.memory import repeated
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.explaining.resizing import resized, streaming
from sandboxes.hardware.facts import AccessFacts, LaunchFacts
from sandboxes.hardware.pricing import plain
from sandboxes.hardware.work import Work

AGAIN: Final = 1.1
"""Requested over distinct bytes up to which every element is loaded once."""
SMALL: Final = 8
"""A result so much smaller than what it was made of is a sum over it: its program has seen all that belongs to it."""
SECTOR_BYTES: Final = 32
REQUEST_BYTES: Final = 512
"""An instruction of a warp at its best: 16 bytes per thread."""
BLOCK_BYTES: Final = 4096
"""What a program of a streaming kernel loads: 1024 elements of float32."""
OTHER: Final = "'"
"""What the second node's arguments end in: both may have an `x_ptr`."""


def streamed(target: Target, node: ProgramNode) -> ProgramNode:
    """Returns a node that says what it accesses: one of which only totals are known does it perfectly."""
    if node.launch is not None and node.launch.accesses:
        return node
    accesses = (
        *(_perfect("load", str(id_), size) for id_, size in node.reads.items()),
        *(_perfect("store", str(id_), size) for id_, size in node.writes.items()),
    )
    launch = node.launch
    if launch is None:
        programs = max(ceil(sum(node.writes.values()) / BLOCK_BYTES), 1)
        launch = plain(replace(node.work, launches=1), streaming(target), (programs, 1, 1))
    names = {str(id_): id_ for id_ in (*node.reads, *node.writes)}
    return replace(node, call=None, launch=replace(launch, accesses=accesses), storages=names)


def _perfect(kind: Literal["load", "store"], argument: str, size: float) -> AccessFacts:
    return AccessFacts(
        kind=kind,
        argument=argument,
        line=0,
        requested_bytes=size,
        requests=size / REQUEST_BYTES,
        sectors=size / SECTOR_BYTES,
        least_sectors=size / SECTOR_BYTES,
        distinct_bytes=size,
        dram_bytes=size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How two nodes become one."""

    first_leads: bool
    """The grid of the first is kept, and the second is done on what it has; otherwise the other way round."""
    repeats: float = 1.0
    """How often the first is computed, where the second needs its results several times."""


def fused(target: Target, first: ProgramNode, second: ProgramNode, kept: frozenset[int]) -> ProgramNode | None:
    """Returns one node that does the work of two, or None if that is not a matter of putting them together.

    A kernel can take over whatever is elementwise, before its loads or after its stores. Two kernels that exchange
    elements fit together if their programs correspond: each reads what the one with the same number wrote, or it
    works on the same rows again that the first has reduced. What needs all of the first before any of the second
    (sums by atomics, products of products) is no candidate.

    Args:
        target: The GPU.
        first: The producer.
        second: Reads what the first writes.
        kept: Storages between them that must be written anyway.
    """
    between = frozenset(first.writes) & frozenset(second.reads)
    if not between or (first.launch is None and second.launch is None) or first.work.waits or second.work.waits:
        return None
    if any(node.launch is None and not node.elementwise for node in (first, second)):
        return None
    plan = _plan(first, second, between)
    if plan is None:
        return None
    one, two = streamed(target, first), streamed(target, second)
    assert one.launch is not None
    assert two.launch is not None
    leader = one.launch if plan.first_leads else two.launch
    resources = resized(
        target,
        leader.resources,
        registers=max(one.launch.resources.registers, two.launch.resources.registers),
        shared=max(one.launch.resources.shared_bytes, two.launch.resources.shared_bytes),
        threads=leader.resources.threads,
    )
    if resources is None:
        return None
    return _joined(one, two, replace(leader, resources=resources), between, kept, plan.repeats)


def _plan(first: ProgramNode, second: ProgramNode, between: frozenset[int]) -> Plan | None:
    """Returns how they fit together; None if they don't."""
    if any(access.kind == "atomic" for access in _through(first, between)):
        return None
    repeats = _repeats(second, between)
    if second.elementwise and repeats <= AGAIN and first.launch is not None:
        return Plan(first_leads=True)
    if first.elementwise and second.launch is not None:
        return Plan(first_leads=False, repeats=repeats)
    if first.launch is None or second.launch is None:
        return None
    if prod(first.launch.grid) == prod(second.launch.grid) and repeats <= AGAIN and not second.launch.dots:
        return Plan(first_leads=True)
    common = (frozenset(first.reads) & frozenset(second.reads)) - between
    handed = sum(first.writes[id_] for id_ in between)
    if second.elementwise and common and handed * SMALL <= max(first.reads[id_] for id_ in common):
        return Plan(first_leads=True)
    return None


def _through(node: ProgramNode, storages: frozenset[int]) -> list[AccessFacts]:
    """Returns the accesses of a launch to some storages."""
    if node.launch is None:
        return []
    return [access for access in node.launch.accesses if node.storages.get(access.argument) in storages]


def _repeats(second: ProgramNode, between: frozenset[int]) -> float:
    """Returns how often the second loads an element of what it gets."""
    distinct = sum(second.reads[id_] for id_ in between)
    if second.launch is None:  # what is broadcast is smaller than what is made of it
        requested = max(sum(second.writes.values()), distinct) if distinct * 2 <= sum(second.writes.values()) else 0.0
    else:
        requested = sum(access.requested_bytes for access in _through(second, between) if access.kind == "load")
    return max(1.0, requested / distinct) if distinct else 1.0


def _joined(
    one: ProgramNode,
    two: ProgramNode,
    leader: LaunchFacts,
    between: frozenset[int],
    kept: frozenset[int],
    repeats: float,
) -> ProgramNode:
    """Returns the sum of two launches without what is between them; what both load is loaded by the first."""
    assert one.launch is not None
    assert two.launch is not None
    known = frozenset(one.reads)
    accesses = [
        repeated(access, repeats if repeats > AGAIN else 1.0)
        for access in one.launch.accesses
        if access.kind == "load" or one.storages.get(access.argument) not in between - kept
    ]
    for access in two.launch.accesses:
        storage = two.storages.get(access.argument)
        if access.kind == "load" and storage in between:
            continue
        if access.kind == "load" and storage in known:
            access = replace(access, distinct_bytes=0.0, dram_bytes=0.0)
        accesses.append(replace(access, argument=access.argument + OTHER))
    reads = dict(one.reads) | {id_: size for id_, size in two.reads.items() if id_ not in between}
    writes = {id_: size for id_, size in one.writes.items() if id_ not in between - kept} | dict(two.writes)
    launch = replace(
        leader,
        work=_sum(one.launch.work, two.launch.work, repeats, accesses, reads, writes),
        accesses=tuple(accesses),
        dots=(*one.launch.dots, *two.launch.dots),
        shared=(*one.launch.shared, *two.launch.shared),
        rounds=_rounds(one, two, leader),
        lines=_lines((one.launch.lines, two.launch.lines)),
        dependent_share=max(one.launch.dependent_share, two.launch.dependent_share),
        guessed=one.launch.guessed or two.launch.guessed,
        sampled=min(one.launch.sampled, two.launch.sampled),
    )
    storages = dict(one.storages) | {name + OTHER: id_ for name, id_ in two.storages.items()}
    return replace(
        one,
        name=two.name if one.elementwise else one.name,
        live=one.live or two.live,
        launch=launch,
        storages=storages,
        reads=reads,
        writes=writes,
        needed=(one.needed | two.needed) & frozenset(writes),
        elementwise=one.elementwise and two.elementwise,
        loops=one.loops | two.loops,
    )


def _rounds(one: ProgramNode, two: ProgramNode, leader: LaunchFacts) -> float:
    """Returns how often a program waits: the loads of what is elementwise wait together with the others."""
    assert one.launch is not None
    assert two.launch is not None
    if one.elementwise or two.elementwise:
        return leader.rounds
    return one.launch.rounds + two.launch.rounds


def _sum(
    one: Work,
    two: Work,
    repeats: float,
    accesses: Iterable[AccessFacts],
    reads: Mapping[int, float],
    writes: Mapping[int, float],
) -> Work:
    times = repeats if repeats > AGAIN else 1.0
    flops = Counter({kind: round(count * times) for kind, count in one.flops.items()})
    flops.update(two.flops)
    return Work(
        read_bytes=round(sum(reads.values())),
        written_bytes=round(sum(writes.values())),
        requested_bytes=round(sum(access.requested_bytes for access in accesses)),
        flops=dict(flops),
        integer_ops=round(one.integer_ops * times) + two.integer_ops,
        uneven_bytes=max(one.uneven_bytes, two.uneven_bytes),
        uneven_operations=max(one.uneven_operations, two.uneven_operations),
    )


def _lines(parts: Iterable[Mapping[int, Mapping[str, float]]]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for part in parts:
        for line, counts in part.items():
            into = found.setdefault(line, {})
            for kind, count in counts.items():
                into[kind] = into.get(kind, 0.0) + count
    return found
