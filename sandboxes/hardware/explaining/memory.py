"""What would help a launch's way to memory: facts about accesses, changed one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sandboxes.contracts import Remedy
from sandboxes.hardware.explaining.change import named, placed
from sandboxes.hardware.facts import AccessFacts, LaunchFacts

SECTOR_BYTES: Final = 32

Remedied = tuple[Remedy, int | None, str, LaunchFacts]
"""What was tried, where, in words, and the facts then."""

WASTEFUL: Final = 1.1
"""Ratio to the least from which an access is worth a word; below, alignment alone may explain it."""


def memory_remedies(facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields a launch with one access coalesced, data reused, a bank conflict gone, or atomics spread."""
    yield from _coalesced(facts)
    yield from _reused(facts)
    yield from _without_conflicts(facts)
    yield from _spread_atomics(facts)


def _coalesced(facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields the facts with one access of one line touching no more sectors than it must.

    What device memory moves falls where sectors were fetched again for the rest of what is in them: no sector of an
    access that touches each only once can be.
    """
    for kind, argument, line in _keys(facts, lambda access: access.sectors > WASTEFUL * access.least_sectors):
        accesses = tuple(
            replace(
                access,
                sectors=min(access.sectors, access.least_sectors),
                l2_sectors=None if access.l2_sectors is None else min(access.l2_sectors, access.least_sectors),
                dram_bytes=min(access.dram_bytes, max(access.distinct_bytes, access.least_sectors * SECTOR_BYTES)),
            )
            if (access.kind, access.argument, access.line) == (kind, argument, line)
            else access
            for access in facts.accesses
        )
        noun = "atomics on" if kind == "atomic" else f"{kind} of"
        text = f"coalesce the {noun} {named(argument)}{placed(line)}"
        yield Remedy.COALESCE, line or None, text, replace(facts, accesses=accesses)


def _reused(facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields the facts with device memory read once: what several programs load, the L2 cache keeps meanwhile."""

    def again(access: AccessFacts) -> bool:
        return access.kind == "load" and access.dram_bytes > WASTEFUL * access.distinct_bytes

    found = list(dict.fromkeys(access.argument for access in facts.accesses if again(access)))
    if not found:
        return
    accesses = tuple(
        replace(access, dram_bytes=access.distinct_bytes) if again(access) else access for access in facts.accesses
    )
    words = " and ".join(map(named, found[:2])) + (" and others" if len(found) > 2 else "")
    text = f"order programs so that those that load the same of {words} run together and the L2 cache serves them"
    yield Remedy.REUSE, None, text, replace(facts, accesses=accesses)


def _without_conflicts(facts: LaunchFacts) -> Iterator[Remedied]:
    for line in dict.fromkeys(each.line for each in facts.shared if each.conflicts > WASTEFUL):
        shared = tuple(replace(each, conflicts=1.0) if each.line == line else each for each in facts.shared)
        text = f"avoid bank conflicts in shared memory{placed(line)}"
        yield Remedy.BANKS, line or None, text, replace(facts, shared=shared)


def _spread_atomics(facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields the facts with the atomics of one line reduced inside each program first, so that one of each is left."""
    programs = max(facts.grid[0] * facts.grid[1] * facts.grid[2], 1)
    for kind, argument, line in _keys(facts, lambda access: access.kind == "atomic" and access.busiest_address > 1):
        accesses = tuple(
            _fewer_atomics(access, programs)
            if (access.kind, access.argument, access.line) == (kind, argument, line)
            else access
            for access in facts.accesses
        )
        if accesses == facts.accesses:
            continue
        text = f"add up inside each program before the atomics on {named(argument)}{placed(line)}"
        yield Remedy.ATOMICS, line or None, text, replace(facts, accesses=accesses)


def _fewer_atomics(access: AccessFacts, programs: int) -> AccessFacts:
    """Returns the access with at most one atomic of each program on the busiest address."""
    fewer = repeated(access, min(1.0, programs / access.busiest_address))
    return replace(
        fewer, requested_bytes=max(fewer.requested_bytes, min(access.requested_bytes, access.distinct_bytes))
    )


def repeated(access: AccessFacts, times: float) -> AccessFacts:
    """Returns an access that happens so many times as often; device memory moves the same, the L2 cache the rest."""
    return replace(
        access,
        requested_bytes=access.requested_bytes * times,
        requests=access.requests * times,
        sectors=access.sectors * times,
        least_sectors=access.least_sectors * times,
        l2_sectors=None if access.l2_sectors is None else access.l2_sectors * times,
        busiest_address=access.busiest_address * times,
    )


def _keys(facts: LaunchFacts, wanted: Callable[[AccessFacts], bool]) -> list[tuple[str, str, int]]:
    """Returns kind, argument and line of the accesses that are meant, each once."""
    return list(
        dict.fromkeys((access.kind, access.argument, access.line) for access in facts.accesses if wanted(access))
    )
