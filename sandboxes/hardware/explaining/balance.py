"""What would help a grid: as much work for every multiprocessor as for any other."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, prod, sqrt
from typing import Final

from sandboxes.contracts import Remedy, Target
from sandboxes.hardware.explaining.memory import Remedied, repeated
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.occupancy import occupancy

UNEVEN: Final = 1.1
"""Busiest program over the average from which that is worth a word."""
MANY_WAVES: Final = 8
"""Waves from which programs may as well do more each: fewer still fill the GPU evenly."""
GROWTH: Final = 4
"""How much larger a program's block is tried."""


def balancing_remedies(target: Target, facts: LaunchFacts) -> Iterator[Remedied]:
    """Yields a launch whose work is cut differently: the same bytes and operations, in other programs."""
    programs = prod(facts.grid)
    if programs == 0:
        return
    work = facts.work
    uneven = max(work.uneven_bytes, work.uneven_operations)
    if programs > 1 and uneven > UNEVEN:
        even = replace(work, uneven_bytes=1.0, uneven_operations=1.0)
        text = f"give all programs the same work: the busiest does {uneven:.1f} times the average"
        yield Remedy.BALANCE, None, text, replace(facts, work=even)
    needs = facts.resources
    blocks = max(occupancy(target, needs.registers, needs.shared_bytes, needs.threads).blocks, 1)
    slots = blocks * target.multiprocessors
    for more in dict.fromkeys((target.multiprocessors, slots)):
        if programs < more <= _most(target, facts):
            noun = "program" if programs == 1 else "programs"
            text = f"split the work of {programs:,} {noun} among {more:,}"
            yield Remedy.BALANCE, None, text, _cut(facts, more)
    waves, rest = divmod(programs, slots)
    if waves and rest:
        text = f"choose the number of programs so that waves are full: the last has {rest:,} of {slots:,}"
        yield Remedy.BALANCE, None, text, replace(facts, grid=(waves * slots, 1, 1))
    if programs >= MANY_WAVES * slots and not facts.dots:
        fewer = ceil(programs / GROWTH)
        text = f"let every program do {GROWTH} times as much: {fewer:,} programs instead of {programs:,}"
        yield Remedy.TILES, None, text, replace(facts, grid=(fewer, 1, 1))


def _most(target: Target, facts: LaunchFacts) -> float:
    """Returns how many programs leave each of their warps at least one access."""
    warps = max(facts.resources.threads // target.warp_size, 1)
    requests = max((access.requests for access in facts.accesses), default=float("inf"))
    return max(requests / warps, 1.0)


def _cut(facts: LaunchFacts, programs: int) -> LaunchFacts:
    """Returns the same work in more programs.

    Loops of a program go round less often then. Tiles of products are smaller, and their operands loaded more often.
    """
    parts = programs / max(prod(facts.grid), 1)
    if not facts.dots:
        rounds = max(facts.rounds / parts, min(facts.rounds, 1.0))
        return replace(facts, grid=(programs, 1, 1), rounds=rounds)
    accesses = tuple(repeated(access, sqrt(parts)) if access.kind == "load" else access for access in facts.accesses)
    return replace(facts, grid=(programs, 1, 1), accesses=accesses)
