"""What was seen of a launch: address logs of some waves, and what their programs ask for in total."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sandboxes.hardware.traffic.boxes import Flags, Ints
from sandboxes.hardware.traffic.waves import Wave
from sandboxes.ttir.addresses.log import Access, AddressLog, Operation
from sandboxes.ttir.memory.addressing import Request

COUNTED_LANES = 2**20
"""Lanes of a mask over several axes that are counted exactly, per access; of more, those of some programs."""


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


def scene(waves: Sequence[Wave], logs: Sequence[tuple[AddressLog, Sequence[int]]]) -> Scene:
    """Returns the scene of some logs.

    Args:
        waves: That were looked at, in the order in which they run.
        logs: Each with the indices of its waves in `waves`, whose programs it has in this order.
    """
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
        borders = np.cumsum([0, *(waves[index].programs for index in indices)])[:-1]
        sights.append(Sight(log, tuple(numbers), tuple(indices), borders.astype(np.int64)))
    return Scene(tuple(waves), tuple(operations), tuple(sights))


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """What the programs of each wave ask for, exactly: one row per operation, one column per wave."""

    bytes: np.ndarray
    executions: np.ndarray
    """By programs."""


def totals(seen: Scene) -> Totals:
    """Returns requested bytes and executions of all operations in all waves."""
    shape = len(seen.operations), len(seen.waves)
    requested, executions = np.zeros(shape), np.zeros(shape)
    for sight in seen.sights:
        for access in sight.log.accesses:
            rows = sight.waves_of(access)
            operation = sight.operations[access.operation]
            size = access.request.buffer.data.element_size() * access.repeats
            lanes = active_lanes(access.request, rows.size)
            waves = np.array(sight.waves)[rows]
            requested[operation] += np.bincount(waves, weights=lanes * size, minlength=shape[1])
            executions[operation] += np.bincount(waves, minlength=shape[1]) * access.repeats
    return Totals(requested, executions)


def active_lanes(request: Request, programs: int) -> np.ndarray:
    """Returns how many lanes of each program take part."""
    lanes = np.full(programs, float(np.prod(request.shape, dtype=np.int64)))
    used = [axis for mask in request.masks for axis in range(1, mask.dim()) if mask.shape[axis] > 1]
    if len(used) == len(set(used)):
        for mask in request.masks:
            flat = mask.numpy().reshape(mask.shape[0], -1)
            lanes = lanes * (np.count_nonzero(flat, axis=1) / flat.shape[1])
        return np.round(lanes)
    counted = max(1, COUNTED_LANES // max(1, int(lanes[0])))
    rows = np.unique(np.linspace(0, programs - 1, min(programs, counted)).astype(np.int64))
    share = np.array([np.count_nonzero(_mask(request, row)) for row in rows.tolist()])
    # rows between two that were counted have as many active lanes as the later one
    return share[np.searchsorted(rows, np.arange(programs))].astype(np.float64)


def _mask(request: Request, row: int) -> np.ndarray:
    active = np.ones(request.shape, dtype=np.bool_)
    for mask in request.masks:
        own = mask if mask.shape[0] == 1 else mask.narrow(0, row, 1)
        active = active & own.numpy()[0]
    return active
