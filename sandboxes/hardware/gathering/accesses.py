"""Accesses of a launch: what was sampled, scaled to what was counted.

What could not be looked at is never cheaper than what was: every lane touches a sector of its own, and no cache helps.
Nor is what was seen too little of: of something that happens much more often than where it was looked at, the rest
counts as if nobody had looked.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sandboxes.contracts import Target
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.caching import usable_bytes
from sandboxes.hardware.traffic.examining import Examination
from sandboxes.ttir import Counters

SECTOR_BYTES = 32
SAME = 0.01
"""Relative difference between sampled and exact totals that is left as it is."""

BELIEVED = 1.5
"""Times as much as was seen of an access that it may do, all of it alike: sampled iterations of honest loops differ by
masks at their ends. A kernel that does most of its work in few iterations has been seen where it does nothing."""

WRITTEN_PASSES = 2
"""Atomics, and stores of parts of sectors, read them first."""

Key = tuple[Literal["load", "store", "atomic"], str, int]
"""Kind, argument and line of an access."""


def accesses_of(
    counters: Counters, scale: float, examination: Examination | None, warps: int = 1
) -> tuple[AccessFacts, ...]:
    """Returns the accesses of a launch, scaled to what was counted.

    Args:
        counters: Of the programs that were counted.
        scale: Programs of the grid for each one that was counted.
        examination: Of sampled programs; None if nobody could look at any.
        warps: Of a program.
    """
    exact: dict[Key, float] = defaultdict(float)
    lanes: dict[Key, float] = defaultdict(float)
    for count in counters.memory:
        key = _kind(count.kind), count.argument, count.location.user_line()
        each = count.executions * warps if count.kind == "load" else 0  # every warp loads what is no tensor
        exact[key] += count.bytes * scale
        lanes[key] += max(count.lanes, each) * scale
    seen: dict[Key, float] = defaultdict(float)
    for access in () if examination is None else examination.accesses:
        seen[access.kind, access.argument, access.line] += access.requested_bytes
    found = [
        _times(access, min(exact[key] / seen[key], BELIEVED))
        for access in (() if examination is None else examination.accesses)
        if seen[key := (access.kind, access.argument, access.line)] and exact.get(key)
    ]
    unseen = []
    for key, size in exact.items():
        rest = size if size > BELIEVED * seen[key] else 0.0
        if rest:
            rest -= BELIEVED * seen[key]
            unseen.append(_unseen(key, rest, lanes[key] * rest / size))
    return (*found, *unseen)


def dependent_share(accesses: Sequence[AccessFacts]) -> float:
    """Returns the share of requested bytes whose addresses depend on loaded values, or on what nobody knows."""
    requested = sum(access.requested_bytes for access in accesses)
    return sum(access.requested_bytes for access in accesses if access.dependent) / requested if requested else 0.0


def kept(
    accesses: tuple[AccessFacts, ...], counters: Counters, scale: float, target: Target
) -> tuple[AccessFacts, ...]:
    """Returns accesses of a launch that was executed in full, if the L2 cache keeps everything it touches.

    Then device memory moves each byte once, whatever the order of accesses.
    """
    uniques = {
        name: (count.unique_bytes_loaded, count.unique_bytes_stored) for name, count in counters.arguments.items()
    }
    if scale != 1.0 or target.l2_partitions * sum(map(sum, uniques.values())) > usable_bytes(target):
        return accesses
    moved: dict[tuple[str, bool], float] = defaultdict(float)
    for access in accesses:
        moved[access.argument, access.kind == "load"] += access.dram_bytes
    return tuple(
        replace(access, dram_bytes=access.dram_bytes * min(most / moved[access.argument, load], 1.0))
        if moved[access.argument, load := access.kind == "load"]
        and (most := uniques.get(access.argument, (0, 0))[0 if load else 1] * (1 if load else WRITTEN_PASSES))
        else access
        for access in accesses
    )


def _times(access: AccessFacts, factor: float) -> AccessFacts:
    """Returns an access that happens `factor` times as often."""
    if abs(factor - 1) <= SAME:
        return access
    return replace(
        access,
        requested_bytes=access.requested_bytes * factor,
        requests=access.requests * factor,
        sectors=access.sectors * factor,
        least_sectors=access.least_sectors * factor,
        distinct_bytes=access.distinct_bytes * factor,
        dram_bytes=access.dram_bytes * factor,
        l2_sectors=None if access.l2_sectors is None else access.l2_sectors * factor,
        busiest_address=access.busiest_address * factor,
    )


def _unseen(key: Key, size: float, lanes: float) -> AccessFacts:
    """Returns an access that nobody looked at, as expensive as it may be."""
    kind, argument, line = key
    return AccessFacts(
        kind=kind,
        argument=argument,
        line=line,
        requested_bytes=size,
        requests=lanes,
        sectors=lanes,
        least_sectors=size / SECTOR_BYTES,
        distinct_bytes=lanes * SECTOR_BYTES,
        dram_bytes=lanes * SECTOR_BYTES * (1 if kind == "load" else WRITTEN_PASSES),
        busiest_address=lanes if kind == "atomic" else 0.0,
        dependent=True,
    )


def _kind(kind: str) -> Literal["load", "store", "atomic"]:
    return "load" if kind == "load" else "atomic" if kind == "atomic" else "store"
