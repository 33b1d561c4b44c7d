"""Puts together what is known about a launch: exact totals, sampled addresses, compiled code.

Totals of an execution in full are exact and win: what was sampled is scaled to them, so that a kernel gains nothing
where nobody looked. What could not be looked at is never cheaper than what was: every lane touches a sector of its own,
and no cache helps.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Literal

from sandboxes.contracts import Resources, Target, Variant
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.executed import model_kind
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, SharedFacts
from sandboxes.hardware.traffic.caching import usable_bytes
from sandboxes.hardware.traffic.examining import Examination
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, Module
from sandboxes.ttir.ir import Location

SECTOR_BYTES = 32
LOADS = ("tt.load", "tt.descriptor_load", "tt.descriptor_gather", "tt.atomic_rmw", "tt.atomic_cas")
"""Operations that a program waits for."""
LOOPS = ("scf.for", "scf.while")
SAME = 0.01
"""Relative difference between sampled and exact totals that is left as it is."""

WRITTEN_PASSES = 2
"""Atomics, and stores of parts of sectors, read them first."""

Key = tuple[Literal["load", "store", "atomic"], str, int]
"""Kind, argument and line of an access."""


def facts_of(
    module: Module,
    work: Work,
    counters: Counters,
    scale: float,
    variant: Variant,
    resources: Resources,
    target: Target,
    code: Code | None = None,
    examination: Examination | None = None,
) -> LaunchFacts:
    """Returns everything that is known about a launch.

    Args:
        module: Of the variant.
        work: Of the whole launch.
        counters: Of the programs that were counted.
        scale: Programs of the grid for each one that was counted.
        variant: What was launched.
        resources: Of the compiled kernel.
        target: The GPU.
        code: What the compiler made of it, if that is known.
        examination: Its memory traffic; None if nobody could look at it.
    """
    programs = max(prod(variant.grid), 1)
    dots = _dots(counters, scale, code)
    return LaunchFacts(
        grid=variant.grid,
        resources=resources,
        num_stages=variant.num_stages,
        work=work,
        accesses=_kept(accesses_of(counters, scale, examination), counters, scale, target),
        dots=dots,
        shared=() if code is None else _shared(counters, scale, code, programs),
        pipelined=None if code is None else code.pipelined,
        rounds=max(_rounds(module, counters, scale, programs), 0.0 if examination is None else examination.rounds),
        lines=_lines(counters, scale),
        dependent_share=0.0 if examination is None else examination.dependent_share,
        guessed=examination is not None and examination.guessed,
        sampled=1 / scale if examination is None else min(examination.sampled, 1.0),
    )


def accesses_of(counters: Counters, scale: float, examination: Examination | None) -> tuple[AccessFacts, ...]:
    """Returns the accesses of a launch, scaled to what was counted.

    Args:
        counters: Of the programs that were counted.
        scale: Programs of the grid for each one that was counted.
        examination: Of sampled programs; None if nobody could look at any.
    """
    exact: dict[Key, float] = defaultdict(float)
    lanes: dict[Key, float] = defaultdict(float)
    for count in counters.memory:
        key = _kind(count.kind), count.argument, count.location.user_line()
        exact[key] += count.bytes * scale
        lanes[key] += count.lanes * scale
    seen: dict[Key, float] = defaultdict(float)
    for access in () if examination is None else examination.accesses:
        seen[access.kind, access.argument, access.line] += access.requested_bytes
    found = [
        _times(access, exact[key] / seen[key])
        for access in (() if examination is None else examination.accesses)
        if seen[key := (access.kind, access.argument, access.line)] and exact.get(key)
    ]
    return (*found, *(_unseen(key, size, lanes[key]) for key, size in exact.items() if size and not seen[key]))


def _kept(
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
        dram_bytes=lanes * SECTOR_BYTES,
        busiest_address=lanes if kind == "atomic" else 0.0,
    )


def _kind(kind: str) -> Literal["load", "store", "atomic"]:
    return "load" if kind == "load" else "atomic" if kind == "atomic" else "store"


def _dots(counters: Counters, scale: float, code: Code | None) -> tuple[DotFacts, ...]:
    """Returns the products of a launch; those of one line share its operations by the size of their tiles."""
    if code is None:
        return ()
    of_line: dict[int, list[int]] = defaultdict(list)
    for index, dot in enumerate(code.dots):
        of_line[dot.line].append(index)
    found = []
    for line, counts in counters.lines.items():
        for executed, count in counts.items():
            indices = of_line.get(line, []) if executed.startswith("dot_") else []
            whole = sum(prod(code.dots[index].tile) for index in indices)
            for index in indices if whole else ():
                dot = code.dots[index]
                found.append(
                    DotFacts(
                        line=line,
                        unit=dot.unit,
                        kind=model_kind(executed),
                        flops=count * scale * prod(dot.tile) / whole,
                        tile=dot.tile,
                        instruction=dot.instruction,
                    )
                )
    return tuple(found)


def _shared(counters: Counters, scale: float, code: Code, programs: int) -> tuple[SharedFacts, ...]:
    """Returns the ways through shared memory; in a loop as often as programs execute that line, or else any."""
    by_line: dict[int, float] = defaultdict(float)
    for count in counters.memory:
        line = count.location.user_line()
        by_line[line] = max(by_line[line], count.executions * scale)
    products = _executed_dots(counters, scale, code)
    most = max((*by_line.values(), *products.values()), default=float(programs))
    found = []
    for way in code.shared:
        often = max(by_line.get(way.line, 0.0), products.get(way.line, 0.0)) or most if way.looped else float(programs)
        found.append(SharedFacts(line=way.line, bytes=way.bytes * often, conflicts=way.conflicts))
    return tuple(found)


def _executed_dots(counters: Counters, scale: float, code: Code) -> dict[int, float]:
    """Returns how often programs execute the products of a line."""
    each: dict[int, float] = defaultdict(float)
    for dot in code.dots:
        each[dot.line] += 2.0 * prod(dot.tile)
    return {
        line: scale * sum(count for kind, count in counts.items() if kind.startswith("dot_")) / each[line]
        for line, counts in counters.lines.items()
        if each.get(line)
    }


def _rounds(module: Module, counters: Counters, scale: float, programs: int) -> float:
    """Returns how often a program waits for memory if nothing is pipelined: once per turn of a loop that loads."""
    executions: dict[int, float] = defaultdict(float)
    loops = dict(_innermost_loops(module))
    for count in counters.memory:
        if count.kind != "store":
            loop = loops.get(count.location, 0)
            executions[loop] = max(executions[loop], count.executions * scale / programs)
    return sum(executions.values())


def _innermost_loops(module: Module) -> Iterator[tuple[Location, int]]:
    """Yields where loads are, each with a number of the loop around it; outer loops come first, so that inner win."""
    loops = (operation for function in module.functions for operation in function.walk() if operation.name in LOOPS)
    for number, loop in enumerate(loops, start=1):
        for inner in loop.walk():
            if inner.name in LOADS:
                yield inner.location, number


def _lines(counters: Counters, scale: float) -> Mapping[int, Mapping[str, float]]:
    """Returns operations by line and the model's kind."""
    lines: dict[int, dict[str, float]] = {}
    for line, counts in counters.lines.items():
        own = lines.setdefault(line, {})
        for executed, count in counts.items():
            kind = executed if executed in ("bytes", "integer") else model_kind(executed)
            own[kind] = own.get(kind, 0.0) + count * scale
    return lines
