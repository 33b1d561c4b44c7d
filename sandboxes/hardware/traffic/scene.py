"""What was seen of a launch: address logs of some waves, and what their programs ask for in total."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sandboxes.hardware.traffic.boxes import Flags, Ints, elements_of
from sandboxes.hardware.traffic.waves import Wave
from sandboxes.ttir.addresses.log import Access, AddressLog, Operation
from sandboxes.ttir.memory.addressing import Request

COUNTED_LANES = 2**23
"""Lanes of masks over several axes that are counted one by one; where there are more, those of some programs are."""

MAX_ACCESSES = 3000
"""Accesses of a log that are looked at; a loop that nobody could shorten has more, of which some are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A log of waves that follow one another."""

    log: AddressLog
    operations: tuple[int, ...]
    """Per operation of the log, its index in the scene."""
    waves: tuple[int, ...]
    """Indices in the scene."""
    borders: Ints
    """Where the programs of each wave begin in `AddressLog.programs`."""

    def waves_of(self, access: Access) -> Ints:
        """Returns, for each row of an access, which wave of this sight its program belongs to."""
        return np.searchsorted(self.borders, access.programs.numpy(), side="right") - 1


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """What happens at each time of the simulation."""

    operation: Ints
    wave: Ints
    loads: Flags
    stores: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that was seen of a launch."""

    waves: tuple[Wave, ...]
    operations: tuple[Operation, ...]
    sights: tuple[Sight, ...]

    def timetable(self) -> Timetable:
        """Returns the times of all accesses: wave after wave, and within one as logged."""
        operations: list[int] = []
        waves: list[int] = []
        for sight in self.sights:
            for wave in sight.waves:
                operations += [sight.operations[access.operation] for access in sight.log.accesses]
                waves += [wave] * len(sight.log.accesses)
        kinds = np.array([operation.kind for operation in self.operations])
        operation = np.array(operations, dtype=np.int64)
        of = kinds[operation]
        return Timetable(operation, np.array(waves, dtype=np.int64), of != "store", of != "load")


def scene(waves: Sequence[Wave], logs: Sequence[tuple[AddressLog, Sequence[int]]], seed: int = 0) -> Scene:
    """Returns the scene of some logs.

    Args:
        waves: That were looked at, in the order in which they run.
        logs: Each with the indices of its waves in `waves`, whose programs it has in this order.
        seed: Draws accesses where there are too many; each then stands for several.
    """
    random = np.random.default_rng([seed, 0x5343454E])
    operations: list[Operation] = []
    sights = []
    for log, indices in logs:
        numbers, seen = [], dict[Operation, int]()
        for operation in log.operations:
            # the same operation may be there twice, at one place of the text (a loop that was unrolled)
            seen[operation] = nth = seen.get(operation, -1) + 1
            found = [number for number, other in enumerate(operations) if other == operation]
            if nth == len(found):
                found.append(len(operations))
                operations.append(operation)
            numbers.append(found[nth])
        log = _thinned(log, random)
        borders = np.cumsum([0, *(waves[index].programs for index in indices)])[:-1]
        sights.append(Sight(log, tuple(numbers), tuple(indices), borders.astype(np.int64)))
    return Scene(tuple(waves), tuple(operations), tuple(sights))


def _thinned(log: AddressLog, random: np.random.Generator) -> AddressLog:
    each = -(-len(log.accesses) // MAX_ACCESSES)
    if each <= 1:
        return log
    groups = [log.accesses[first : first + each] for first in range(0, len(log.accesses), each)]
    drawn = [(group[int(random.integers(len(group)))], len(group)) for group in groups]
    return replace(log, accesses=tuple(replace(access, repeats=access.repeats * count) for access, count in drawn))


def requested_bytes(seen: Scene) -> np.ndarray:
    """Returns the bytes that active lanes ask for: one row per operation, one column per wave."""
    requested = np.zeros((len(seen.operations), len(seen.waves)))
    most = COUNTED_LANES // max(1, sum(len(sight.log.accesses) for sight in seen.sights))
    for sight in seen.sights:
        waves = np.array(sight.waves)
        for access in sight.log.accesses:
            rows = sight.waves_of(access)
            size = access.request.buffer.data.element_size() * access.repeats
            lanes = active_lanes(access.request, rows.size, most) * size
            operation = sight.operations[access.operation]
            requested[operation] += np.bincount(waves[rows], weights=lanes, minlength=len(seen.waves))
    return requested


def active_lanes(request: Request, programs: int, most: int = COUNTED_LANES) -> np.ndarray:
    """Returns how many lanes of each program take part; by estimate if more than `most` must be counted."""
    lanes = np.full(programs, float(np.prod(request.shape, dtype=np.int64)))
    used = [axis for mask in request.masks for axis in range(1, mask.dim()) if mask.shape[axis] > 1]
    if len(used) == len(set(used)):
        for mask in request.masks:
            flat = mask.numpy().reshape(mask.shape[0], -1)
            lanes = lanes * (np.count_nonzero(flat, axis=1) / flat.shape[1])
        return np.round(lanes)
    counted = max(1, most // max(1, int(lanes[0])))
    rows = np.unique(np.linspace(0, programs - 1, min(programs, counted)).astype(np.int64))
    if rows[-1] != programs - 1:
        rows = np.append(rows, programs - 1)
    share = np.count_nonzero(elements_of(request, rows)[1], axis=1)
    # rows between two that were counted have as many active lanes as the later one
    return np.asarray(share[np.searchsorted(rows, np.arange(programs))], dtype=np.float64)
