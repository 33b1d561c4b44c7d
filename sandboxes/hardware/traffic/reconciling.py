"""Samples meet what is known better: how much each access moves in all, from many programs or from an execution."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.boxes import SECTOR_BYTES
from sandboxes.ttir import Counters, MemoryCount

_Place = tuple[str, str, int]
"""Kind, argument and line: what an access in facts and one in counters have in common."""

_SCALED = (
    "requested_bytes", "requests", "sectors", "least_sectors", "distinct_bytes", "dram_bytes", "busiest_address",
)  # fmt: skip


def reconciled(accesses: Sequence[AccessFacts], counters: Counters) -> tuple[AccessFacts, ...]:
    """Returns `accesses` so that they request as many bytes as were counted.

    A sample can be lucky: programs that do more may lie where nobody looked. Counts that are exact, or of more
    programs, bound that; what is sampled is then only how an access behaves, not how much of it there is. An access
    that the sample has never seen is taken to be as bad as can be: a sector for each lane, which no cache holds.

    Args:
        accesses: From a sample, scaled to the whole grid.
        counters: Of the whole grid; distinct bytes of 0 are taken to be unknown.
    """
    counted: dict[_Place, list[MemoryCount]] = defaultdict(list)
    for count in counters.memory:
        counted[count.kind, count.argument, count.location.user_line()].append(count)
    sampled: dict[_Place, float] = defaultdict(float)
    for access in accesses:
        sampled[_place(access)] += access.requested_bytes
    facts = []
    for access in accesses:
        exact = sum(count.bytes for count in counted[_place(access)])
        if sampled[_place(access)] > 0:
            facts.append(_scaled(access, exact / sampled[_place(access)]))
        elif not exact:
            facts.append(access)
    for place, counts in counted.items():
        if not sampled[place] and any(count.bytes for count in counts):
            facts += [_unseen(count) for count in counts]
    return _compulsory(facts, counters)


def _place(access: AccessFacts) -> _Place:
    return access.kind, access.argument, access.line


def _scaled(access: AccessFacts, factor: float) -> AccessFacts:
    changes = {name: getattr(access, name) * factor for name in _SCALED}
    through = None if access.l2_sectors is None else access.l2_sectors * factor
    return replace(access, **changes, l2_sectors=through)


def _unseen(count: MemoryCount) -> AccessFacts:
    sectors = float(count.lanes)
    return AccessFacts(
        kind="load" if count.kind == "load" else "atomic" if count.kind == "atomic" else "store",
        argument=count.argument,
        line=count.location.user_line(),
        requested_bytes=float(count.bytes),
        requests=sectors,
        sectors=sectors,
        least_sectors=count.bytes / SECTOR_BYTES,
        distinct_bytes=sectors * SECTOR_BYTES,
        dram_bytes=sectors * SECTOR_BYTES * (1.0 if count.kind == "load" else 2.0),
        l2_sectors=sectors,
        busiest_address=float(count.lanes) if count.kind == "atomic" else 0.0,
        dependent=True,
    )


def _compulsory(facts: list[AccessFacts], counters: Counters) -> tuple[AccessFacts, ...]:
    """Makes what is read through an argument, and only read, move at least the bytes that are known to be touched."""
    written = {access.argument for access in facts if access.kind != "load"}
    moved: dict[str, float] = defaultdict(float)
    for access in facts:
        moved[access.argument] += access.dram_bytes
    found = []
    for access in facts:
        count = counters.arguments.get(access.argument)
        if count is not None:
            unique = count.unique_bytes_loaded if access.kind == "load" else count.unique_bytes_stored
            if unique:
                access = replace(access, distinct_bytes=min(access.distinct_bytes, float(unique)))
            least = unique if access.argument not in written else 0
            if 0 < moved[access.argument] < least:
                access = replace(access, dram_bytes=access.dram_bytes * least / moved[access.argument])
        found.append(access)
    return tuple(found)
