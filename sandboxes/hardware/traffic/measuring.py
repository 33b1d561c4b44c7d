"""From what was seen of a launch to the facts about its memory traffic."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sandboxes.contracts import Resources, Target
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.traffic.boxes import SECTOR_BYTES, Shapes
from sandboxes.hardware.traffic.caching import simulate, usable_bytes
from sandboxes.hardware.traffic.coalescing import Coalescing, Threads, coalescing, executions_to_sample
from sandboxes.hardware.traffic.contention import Draws, busiest, draw
from sandboxes.hardware.traffic.events import events_of
from sandboxes.hardware.traffic.extrapolating import Simulated, distinct_bytes, moved_bytes
from sandboxes.hardware.traffic.rectangles import TooManyPieces
from sandboxes.hardware.traffic.scene import Scene, requested_bytes
from sandboxes.hardware.traffic.tiles import MAX_PIECES, rectangles
from sandboxes.ttir.addresses.log import Access, Operation

ThreadsOf = Callable[[Operation, tuple[int | None, ...]], Threads]
"""The layout of an operation, given the elements from lane to lane along each axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Memory traffic of a launch, scaled to the whole grid."""

    accesses: tuple[AccessFacts, ...]
    """One per operation of the scene."""
    distinct: dict[tuple[str, str], float]
    """Distinct bytes by argument and `load` or `store` (atomics among stores)."""
    cached: bool
    """Whether the L2 cache was simulated; otherwise nothing ever hits."""


def measure(seen: Scene, threads_of: ThreadsOf, target: Target, resources: Resources, *, seed: int) -> Measured:
    """Returns the traffic of the launch that `seen` is a sample of.

    Args:
        seen: What was looked at.
        threads_of: The layout of each operation.
        target: Whose caches.
        resources: How many programs share a multiprocessor.
        seed: The judge's.
    """
    weights = np.array([wave.weight for wave in seen.waves])
    cache = _first_level_bytes(seen, target, resources)
    requested = requested_bytes(seen) @ weights
    executions = _executions(seen)
    random = np.random.default_rng([seed, 0x4D454153])
    facts = []
    for number, operation in enumerate(seen.operations):
        sample = _coalesced(
            executions[number], threads_of(operation, _strides(executions[number])), weights, len(executions), random
        )
        facts.append(_scaled(operation, sample, float(requested[number]), cache))
        if operation.kind == "atomic":
            facts[-1] = replace(facts[-1], busiest_address=busiest(_draws(seen, executions[number], random)))
    sizes = _sizes(seen)
    simulated = _simulated(seen, target, seed)
    if simulated is None:
        facts = [_uncached(fact, size) for fact, size in zip(facts, sizes, strict=True)]
        return Measured(accesses=tuple(facts), distinct=_summed(seen, facts, sizes), cached=False)
    own = distinct_bytes(seen, simulated, np.arange(len(facts)), len(facts))
    moved = moved_bytes(seen, simulated)
    facts = [_cached(*each) for each in zip(facts, sizes, own.tolist(), moved.tolist(), strict=True)]
    return Measured(accesses=tuple(facts), distinct=_by_argument(seen, simulated, sizes), cached=True)


_Executions = list[tuple[Access, np.ndarray]]
"""Of one operation, each with the waves of its rows."""


def _executions(seen: Scene) -> list[_Executions]:
    """Returns the executions of each operation."""
    found: list[_Executions] = [[] for _ in seen.operations]
    for sight in seen.sights:
        waves = np.array(sight.waves)
        for access in sight.log.accesses:
            found[sight.operations[access.operation]].append((access, waves[sight.waves_of(access)]))
    return found


def _strides(found: _Executions) -> tuple[int | None, ...]:
    return Shapes().strides(found[0][0].request) if found else ()


def _coalesced(
    found: _Executions, threads: Threads, weights: np.ndarray, operations: int, random: np.random.Generator
) -> Coalescing:
    """Returns what drawn executions of an operation ask for; each is as likely as what it stands for."""
    if not found:
        return coalescing([], threads)
    chances = np.array([float(weights[waves].sum()) * access.repeats for access, waves in found])
    count = executions_to_sample(threads.lanes.size, operations)
    samples = []
    drawn, often = np.unique(random.choice(len(found), size=count, p=chances / chances.sum()), return_counts=True)
    for index, times in zip(drawn.tolist(), often.tolist(), strict=True):
        access, waves = found[index]
        odds = np.cumsum(weights[waves])
        samples.append((access.request, np.searchsorted(odds[:-1], odds[-1] * random.random(times), side="right")))
    return coalescing(samples, threads)


def _first_level_bytes(seen: Scene, target: Target, resources: Resources) -> float:
    """Returns what the first-level cache has for each program on a multiprocessor: a small grid leaves it to few."""
    together = -(-max(wave.whole for wave in seen.waves) // target.multiprocessors)
    taken = resources.shared_bytes if target.backend == "cuda" else 0
    return target.l1_kib * 1024 / together - taken


def _scaled(operation: Operation, sample: Coalescing, requested: float, cache: float) -> AccessFacts:
    """Returns what an operation asks for in total; as bad as can be if the sample asks for nothing."""
    share = requested / sample.requested_bytes if sample.requested_bytes else 0.0
    worst = 0.0 if sample.requested_bytes else requested / operation.element_bytes
    sectors = max(share * sample.sectors, worst)
    return AccessFacts(
        kind=operation.kind,
        argument=operation.argument,
        line=operation.location.user_line(),
        requested_bytes=requested,
        requests=max(share * sample.requests, worst),
        sectors=sectors,
        least_sectors=min(max(share * sample.least_sectors, requested / SECTOR_BYTES), sectors),
        distinct_bytes=0.0,
        dram_bytes=0.0,
        l2_sectors=_through(operation, sample, cache) * share or sectors,
        dependent=operation.dependent,
    )


def _through(operation: Operation, sample: Coalescing, cache: float) -> float:
    """Returns the sectors of a sample that go on to the L2 cache: all but what loads find in the first-level cache."""
    lanes = float(np.prod(operation.shape, dtype=np.int64)) * operation.element_bytes
    bytes_each = lanes * sample.cached_sectors * SECTOR_BYTES / max(sample.requested_bytes, 1.0)
    if operation.kind == "load" and bytes_each <= cache:
        return min(sample.cached_sectors, sample.sectors)
    return sample.sectors


def _draws(seen: Scene, found: _Executions, random: np.random.Generator) -> list[Draws]:
    draws = []
    for index, wave in enumerate(seen.waves):
        rows = [(access, np.flatnonzero(waves == index)) for access, waves in found]
        rows = [(access, picked) for access, picked in rows if picked.size]
        if rows:
            address, operations = draw(rows, random)
            scale = wave.whole / wave.programs
            draws.append(Draws(address=address, operations=operations * scale, stands_for=wave.weight / scale))
    return draws


def _simulated(seen: Scene, target: Target, seed: int) -> Simulated | None:
    """Returns the waves in the L2 cache, None if that takes too many pieces."""
    try:
        found = rectangles(seen.sights, seed)
        if found is None:
            return None
        events = events_of(found, MAX_PIECES)
    except TooManyPieces:
        return None
    times = seen.timetable()
    part = max(wave.programs / wave.whole for wave in seen.waves)
    traffic = simulate(events, times.loads, times.stores, usable_bytes(target) * part, target.l2_partitions)
    return Simulated(events, times, traffic)


def _cached(fact: AccessFacts, size: float, distinct: float, moved: float) -> AccessFacts:
    most = fact.sectors * SECTOR_BYTES
    twice = 1.0 if fact.kind == "load" else 2.0
    return replace(fact, distinct_bytes=min(distinct, most, size), dram_bytes=min(moved, twice * most))


def _uncached(fact: AccessFacts, size: float) -> AccessFacts:
    most = fact.sectors * SECTOR_BYTES
    twice = fact.kind == "atomic" or (fact.kind == "store" and fact.requested_bytes < 0.99 * most)
    return replace(fact, distinct_bytes=min(most, size), dram_bytes=most * (2.0 if twice else 1.0))


def _sizes(seen: Scene) -> list[float]:
    """Returns the bytes of the storage behind each operation's argument."""
    sizes = [0.0] * len(seen.operations)
    for sight in seen.sights:
        for access in sight.log.accesses:
            sizes[sight.operations[access.operation]] = float(access.request.buffer.data.nbytes)
    return sizes


def _place(operation: Operation) -> tuple[str, str]:
    return operation.argument, "load" if operation.kind == "load" else "store"


def _summed(seen: Scene, facts: list[AccessFacts], sizes: list[float]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for operation, fact, size in zip(seen.operations, facts, sizes, strict=True):
        found[_place(operation)] = min(size, found.get(_place(operation), 0.0) + fact.distinct_bytes)
    return found


def _by_argument(seen: Scene, simulated: Simulated, sizes: list[float]) -> dict[tuple[str, str], float]:
    places = sorted({_place(operation) for operation in seen.operations})
    group = np.array([places.index(_place(operation)) for operation in seen.operations])
    found = distinct_bytes(seen, simulated, group, len(places))
    return {
        place: min(found[group[number]], sizes[number]) for number, place in enumerate(map(_place, seen.operations))
    }
