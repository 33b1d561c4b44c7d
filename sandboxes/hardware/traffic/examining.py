"""From a launch to its memory traffic: runs sampled waves abstractly and looks at every address.

Where a kernel is watched is drawn by the judge's seed, after the kernel was written, and whatever is seen is scaled up
without bias: a program that is cheaper than the others counts as much as it is likely to be drawn. What can't be
looked at in time counts as if no cache helped.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Final

import torch

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.code.code import Code
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.boxes import SECTOR_BYTES
from sandboxes.hardware.traffic.coalescing import Threads
from sandboxes.hardware.traffic.measuring import measure
from sandboxes.hardware.traffic.reaching import touched_bytes
from sandboxes.hardware.traffic.reconciling import reconciled
from sandboxes.hardware.traffic.scaling import scaled_counters
from sandboxes.hardware.traffic.scene import Scene, scene
from sandboxes.hardware.traffic.threads import read_share, threads_of
from sandboxes.hardware.traffic.watching import fewer, watched
from sandboxes.hardware.traffic.waves import Wave, programs_at_once
from sandboxes.ttir import Argument, Counters, Module, TTIRError
from sandboxes.ttir.addresses.log import AddressLog, Operation
from sandboxes.ttir.addresses.observing import observe

WORK: Final = 2**27
"""Elements that programs may compute for us, see `sandboxes.ttir.addresses.effort`: 0.1 to 0.3 s on one core.
Counted, not timed: the same program has the same price on a busy machine."""

ATTEMPTS: Final = 3
"""How often the cache is simulated: with fewer programs if there are too many pieces of memory."""


class NotExamined(ValueError):
    """Addresses could not be found out: the kernel can't be run abstractly, not even of a few programs with as much
    work as a launch may take.

    It is the candidate's kernel that is so, never a fault of ours; the launch is priced without addresses, see
    `sandboxes.hardware.facts.LaunchFacts.accesses`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The memory traffic of a launch, scaled to the whole grid."""

    accesses: tuple[AccessFacts, ...]
    """One per memory operation and argument, in text order."""
    counters: Counters
    """What the executor would have counted, by estimate: bytes, arithmetic, lines."""
    executions: dict[int, float]
    """By source line: how often programs executed what accesses memory there."""
    dependent_share: float
    """Requested bytes whose addresses or masks depend on loaded values, over all."""
    guessed: bool
    """Values that addresses depend on were not there."""
    rounds: float
    """How often a program waits for loads, if nothing is pipelined."""
    sampled: float
    """Share of the programs that were looked at."""
    layouts: float
    """Share of the requested bytes for which the compiled code says who accesses what; a guess for the others."""
    cached: bool
    """Whether the L2 cache was simulated; otherwise nothing ever hits."""
    waves: tuple[Wave, ...]
    """What was looked at."""
    computed: int
    """Elements that it took to observe the programs whose accesses these are."""


def examine(
    module: Module,
    grid: tuple[int, int, int],
    args: Sequence[Argument],
    code: Code | None,
    resources: Resources,
    target: Target,
    *,
    seed: int,
    hollow: bool = False,
    work: int = WORK,
) -> Examination:
    """Returns the memory traffic of a launch.

    Args:
        module: From `sandboxes.ttir.parse`.
        grid: Programs along x, y and z.
        args: As for `sandboxes.ttir.execute`; nothing is written.
        code: What the compiler made of it; None takes layouts to be as Triton usually chooses them.
        resources: Of the compiled kernel.
        target: The GPU.
        seed: The judge's, unknown to the candidate.
        hollow: Whether tensors hold no values that mean anything.
        work: Elements to compute; fewer programs are looked at where that is not enough. What is said depends on it,
            but on no clock.

    Raises:
        NotExamined: Nothing can be said about addresses.
    """
    total = prod(grid)
    if total < 1:
        raise NotExamined("a grid without programs accesses nothing")

    def watch(programs: Sequence[int], most: float) -> AddressLog:
        return observe(module, grid, args, programs, most=int(most), hollow=hollow, seed=seed)

    def layouts(operation: Operation, strides: tuple[int | None, ...]) -> Threads:
        return threads_of(operation, strides, code, resources, target)

    at_once = programs_at_once(target, resources)
    with _one_thread():
        try:
            found = watched(watch, total, at_once, seed, work)
            if found is None:
                raise NotExamined("the kernel can't be run abstractly with as much work as there may be: it goes on")
            seen = scene(found.waves, found.logs, seed)
            measured = measure(seen, layouts, target, resources, seed=seed)
            for _ in range(ATTEMPTS - 1):
                smaller = None if measured.cached else fewer(watch, found, total, at_once, seed, work)
                if smaller is None:
                    break
                found, seen = smaller, scene(smaller.waves, smaller.logs, seed)
                measured = measure(seen, layouts, target, resources, seed=seed)
        except TTIRError as error:
            raise NotExamined(f"the kernel can't be run abstractly: {error}") from error
    guessed = any(log.guessed for log, _ in (*found.logs, *found.counted))
    accesses, distinct = measured.accesses, dict(measured.distinct)
    for place, size in ({} if found.drawn is None else touched_bytes(found.drawn, seed)).items():
        distinct[place] = max(distinct.get(place, 0.0), size)
    if guessed:
        accesses = _pessimistic(accesses, seen)
        distinct = _all_different(accesses, distinct)
    counters = scaled_counters(found.counted, distinct)
    requested = sum(count.bytes for count in counters.memory)
    dependent = sum(fact.requested_bytes for fact in measured.accesses if fact.dependent)
    return Examination(
        accesses=reconciled(accesses, counters),
        counters=counters,
        executions=_executions(counters),
        dependent_share=min(1.0, dependent / requested) if requested else 0.0,
        guessed=guessed,
        rounds=found.rounds,
        sampled=sum(wave.programs for wave in found.waves) / total,
        layouts=read_share(
            [(o, f.requested_bytes) for o, f in zip(seen.operations, measured.accesses, strict=True)], code
        ),
        cached=measured.cached,
        waves=found.waves,
        computed=found.computed,
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keeps torch from sharing its work among threads.

    Tensors are small here, and threads that wait for each other on a busy machine take a hundred times as long (33
    programs of a convolution: 3 s instead of 34 ms, with other processes on all cores).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pessimistic(accesses: Sequence[AccessFacts], seen: Scene) -> tuple[AccessFacts, ...]:
    """Returns accesses of which those at made-up addresses are as bad as can be.

    Values that are not there are mostly zeros, and what depends on them seems to be one sector that a cache holds.
    """
    found = []
    for access, operation in zip(accesses, seen.operations, strict=True):
        if access.dependent:
            most = access.sectors if operation.whole else access.requested_bytes / operation.element_bytes
            sectors = max(most, access.sectors)
            size = sectors * SECTOR_BYTES
            access = replace(
                access,
                sectors=sectors,
                requests=max(access.requests, most),
                distinct_bytes=size,
                dram_bytes=size * (1.0 if access.kind == "load" else 2.0),
                l2_sectors=sectors,
                busiest_address=most if access.kind == "atomic" else 0.0,
            )
        found.append(access)
    return tuple(found)


def _all_different(
    accesses: Sequence[AccessFacts], distinct: Mapping[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    """Returns distinct bytes, as in `Measured`, where accesses at made-up addresses never touch the same twice."""
    found = dict(distinct)
    for access in accesses:
        if access.dependent:
            place = access.argument, "load" if access.kind == "load" else "store"
            found[place] = found.get(place, 0.0) + access.distinct_bytes
    return found


def _executions(counters: Counters) -> dict[int, float]:
    lines: dict[int, float] = {}
    for count in counters.memory:
        line = count.location.user_line()
        lines[line] = max(lines.get(line, 0.0), float(count.executions))
    return lines
