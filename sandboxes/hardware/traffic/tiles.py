"""Address logs as rectangles in time: what every wave asks for, step by step."""

from collections.abc import Sequence

import numpy as np

from sandboxes.hardware.traffic.boxes import Boxes, Ints, Loose, Shapes, loose
from sandboxes.hardware.traffic.rectangles import (
    Rectangles,
    Runs,
    loose_runs,
    pitches,
    rectangles_of,
    runs_of,
    united,
)
from sandboxes.hardware.traffic.scene import Sight
from sandboxes.ttir.addresses.log import Access

MAX_PIECES = 500_000
"""Rectangles and atoms of one launch; sorting so many takes a twentieth of a second."""

LOOSE_LANES = 2**16, 2**18
"""Lanes of accesses without a form that go into the simulation one by one: of one access, and of all of a log."""

COMPUTED_LANES = 2**22, 2**23
"""Likewise, those whose addresses are computed."""


def rectangles(sights: Sequence[Sight], seed: int) -> Rectangles | None:
    """Returns what the programs of `sights` ask for, in the plane and in time, None if they ask for nothing.

    Accesses whose lanes form no box are sampled by `seed` where there are many; each then stands for several.

    Args:
        sights: In the order in which they run.
        seed: The judge's.

    Raises:
        TooManyPieces: It takes too many rectangles.
    """
    random = np.random.default_rng([seed, 0x54494C45])
    salt = int(random.integers(2**63))
    found: list[tuple[Runs, bool]] = []
    begin = 0
    for sight in sights:
        found += _runs(sight, begin, random, salt)
        begin += len(sight.waves) * len(sight.log.accesses)
    if not found:
        return None
    rows = pitches([runs for runs, _ in found])
    parts, left = [], MAX_PIECES
    for runs, stores in found:
        parts.append(rectangles_of(runs, rows, stores, left))
        left -= len(parts[-1])
    return united(parts)


class _Collected:
    """Boxes of one operation and one form, of all accesses."""

    def __init__(self, stores: bool) -> None:
        self.stores = stores
        self.parts: list[tuple[Boxes | Loose, Ints, float]] = []

    def runs(self) -> Runs:
        time_of = np.concatenate([times for _, times, _ in self.parts])
        weight = np.concatenate([np.full(times.size, weight) for _, times, weight in self.parts])
        boxes = [part for part, _, _ in self.parts if isinstance(part, Boxes)]
        start = np.concatenate([part.start for part, _, _ in self.parts])
        rows = np.concatenate([part.rows for part, _, _ in self.parts])
        size = self.parts[0][0].element_bytes
        if not boxes:
            return loose_runs(Loose(rows, start, size), time_of, weight)
        counts = np.concatenate([box.counts for box in boxes])
        return runs_of(Boxes(rows, start, boxes[0].strides, counts, size), time_of, weight, MAX_PIECES)


def _runs(sight: Sight, begin: int, random: np.random.Generator, salt: int) -> list[tuple[Runs, bool]]:
    shapes = Shapes()
    log = sight.log
    collected: dict[tuple[int, tuple[int, ...] | None, int], _Collected] = {}
    count = max(1, len(log.accesses))
    allowance, computed = (max(1, min(own, of_all // count)) for own, of_all in (LOOSE_LANES, COMPUTED_LANES))
    for number, access in enumerate(log.accesses):
        size = access.request.buffer.data.element_size()
        stores = log.operations[access.operation].kind != "load"
        boxes, rest = shapes.boxes(access.request, access.programs.numel())
        if boxes is not None:
            place = collected.setdefault((access.operation, boxes.strides, size), _Collected(stores))
            place.parts.append((boxes, _times(sight, access, boxes.rows, begin + number), float(access.repeats)))
        if rest.any():
            single, scale = loose(access.request, rest, allowance, computed, random, salt)
            if single is not None:
                place = collected.setdefault((access.operation, None, size), _Collected(stores))
                times = _times(sight, access, single.rows, begin + number)
                place.parts.append((single, times, access.repeats * scale))
    return [(place.runs(), place.stores) for place in collected.values()]


def _times(sight: Sight, access: Access, rows: Ints, number: int) -> Ints:
    """Returns when the programs in these rows of an access perform it."""
    return number + sight.waves_of(access)[rows] * len(sight.log.accesses)
