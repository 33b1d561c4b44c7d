"""Puts together what is known about a launch: exact totals, sampled addresses, compiled code.

Totals of an execution in full are exact and win: what was sampled is scaled to them, so that a kernel gains nothing
where nobody looked. What could not be looked at is never cheaper than what was: every lane touches a sector of its own,
no cache helps, and every load waits for those before. Nor is what was seen too little of: of something that happens
much more often than where it was looked at, the rest counts as if nobody had looked.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from sandboxes.contracts import Resources, Target, Variant
from sandboxes.hardware.code.code import Code, DotCode
from sandboxes.hardware.executed import model_kind
from sandboxes.hardware.facts import AccessFacts, DotFacts, LaunchFacts, SharedFacts, Unit
from sandboxes.hardware.pricing.roofline import TENSOR_KINDS
from sandboxes.hardware.traffic.caching import usable_bytes
from sandboxes.hardware.traffic.examining import Examination
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters, Module
from sandboxes.ttir.addresses.dependence import dependent
from sandboxes.ttir.ir import Location

SECTOR_BYTES = 32
LOADS = ("tt.load", "tt.descriptor_load", "tt.descriptor_gather", "tt.atomic_rmw", "tt.atomic_cas")
"""Operations that a program waits for."""
LOOPS = ("scf.for", "scf.while")
LEAST_TILE = (16, 16, 16)
"""Of a product: Triton takes no smaller one."""
SLOWEST = (Unit.FMA, Unit.MMA)
"""Units below a target's best one."""
ROUNDING = 1e-6
SAME = 0.01
"""Relative difference between sampled and exact totals that is left as it is."""

BELIEVED = 1.5
"""Times as much as was seen of an access that it may do, all of it alike: sampled iterations of honest loops differ by
masks at their ends. A kernel that does most of its work in few iterations has been seen where it does nothing."""

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
    warps = max(resources.threads // target.warp_size, 1)
    accesses = accesses_of(counters, scale, examination, warps)
    waits = _waits(module, counters, scale, programs)
    return LaunchFacts(
        grid=variant.grid,
        resources=resources,
        num_stages=variant.num_stages,
        work=work,
        accesses=_kept(accesses, counters, scale, target),
        dots=_dots(counters, scale, code),
        shared=() if code is None else _shared(counters, scale, code, programs),
        pipelined=None if code is None else _pipelined(waits, code),
        rounds=max(sum(wait.rounds for wait in waits), 0.0 if examination is None else examination.rounds),
        lines=_lines(counters, scale),
        dependent_share=max(_dependent_share(accesses), 0.0 if examination is None else examination.dependent_share),
        guessed=examination is not None and examination.guessed,
        sampled=0.0 if examination is None else min(examination.sampled, 1.0),
    )


def unread(facts: LaunchFacts, target: Target) -> LaunchFacts:
    """Returns the facts of a launch whose compiled code can't be read: a kernel gains nothing by such text.

    It is taken to pipeline nothing, and to multiply small tiles.
    """
    unit = Unit.MFMA if target.backend == "hip" else Unit.MMA
    dots = tuple(
        DotFacts(line=0, unit=unit, kind=kind, flops=count, tile=LEAST_TILE, instruction=LEAST_TILE)
        for kind, count in facts.work.flops.items()
        if kind in TENSOR_KINDS and count
    )
    return replace(facts, pipelined=1, dots=dots)


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


def _dependent_share(accesses: Sequence[AccessFacts]) -> float:
    """Returns the share of requested bytes whose addresses depend on loaded values, or on what nobody knows."""
    requested = sum(access.requested_bytes for access in accesses)
    return sum(access.requested_bytes for access in accesses if access.dependent) / requested if requested else 0.0


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
        dram_bytes=lanes * SECTOR_BYTES * (1 if kind == "load" else WRITTEN_PASSES),
        busiest_address=lanes if kind == "atomic" else 0.0,
        dependent=True,
    )


def _kind(kind: str) -> Literal["load", "store", "atomic"]:
    return "load" if kind == "load" else "atomic" if kind == "atomic" else "store"


def _dots(counters: Counters, scale: float, code: Code | None) -> tuple[DotFacts, ...]:
    """Returns the products of a launch.

    Operations are counted by line, so those of one line count as the worst of its products: a large one that is
    executed once lends its rate to no small ones.
    """
    if code is None:
        return ()
    worst: dict[int, DotCode] = {}
    for dot in code.dots:
        worst[dot.line] = min(worst.get(dot.line, dot), dot, key=_quality)
    return tuple(
        DotFacts(
            line=line,
            unit=worst[line].unit,
            kind=model_kind(executed),
            flops=count * scale,
            tile=worst[line].tile,
            instruction=worst[line].instruction,
        )
        for line, counts in counters.lines.items()
        for executed, count in counts.items()
        if line in worst and executed.startswith("dot_")
    )


def _quality(dot: DotCode) -> tuple[int, int, int]:
    """Returns what products are ordered by, the slowest first: unit, instruction, tile."""
    return SLOWEST.index(dot.unit) if dot.unit in SLOWEST else len(SLOWEST), prod(dot.instruction), prod(dot.tile)


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


@dataclass(frozen=True, slots=True)
class _Wait:
    """Loads that a program waits for together."""

    rounds: float
    """How often a program does, on average, if nothing is pipelined."""
    lines: frozenset[int]
    """Where they are; none outside of loops, where nothing can be pipelined."""


def _waits(module: Module, counters: Counters, scale: float, programs: int) -> list[_Wait]:
    """Returns what a program waits for: once per turn of a loop that loads, and for each load that depends on others.

    Those are in line: an address is not known before what it is computed from has come.
    """
    executions: dict[int, float] = defaultdict(float)
    lines: dict[int, set[int]] = defaultdict(set)
    alone: list[_Wait] = []
    loops = dict(_innermost_loops(module))
    chained = {operation.location for operation in dependent(module)}
    for count in counters.memory:
        if count.kind == "store":
            continue
        often, line = count.executions * scale / programs, count.location.user_line()
        loop = loops.get(count.location, 0)
        if count.location in chained:
            alone.append(_Wait(often, frozenset({line} if loop else ())))
        else:
            executions[loop] = max(executions[loop], often)
            lines[loop].update({line} if loop else ())
    return [*(_Wait(often, frozenset(lines[loop])) for loop, often in executions.items()), *alone]


def _pipelined(waits: Sequence[_Wait], code: Code) -> int:
    """Returns how many iterations are in flight, on average over what a program waits for in loops.

    A loop that is pipelined hides nothing of another one that is not.
    """
    ahead = dict(code.ahead)
    looped = [wait for wait in waits if wait.lines and wait.rounds]
    left = sum(wait.rounds / max(ahead.get(line, 1) for line in wait.lines) for wait in looped)
    return int(sum(wait.rounds for wait in looped) / left + ROUNDING) if left else code.pipelined


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
