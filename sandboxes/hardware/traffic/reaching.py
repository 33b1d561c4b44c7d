"""How much memory a launch touches in all, from programs all over its grid.

Waves that follow one another may share what the next ones do not: in a grouped order of tiles, all waves of a group
read the same rows. Programs that were drawn independently say so: what two of them share, others share as well.
"""

import numpy as np

from sandboxes.hardware.traffic.boxes import Ints
from sandboxes.hardware.traffic.events import Events, events_of
from sandboxes.hardware.traffic.rectangles import TooManyPieces
from sandboxes.hardware.traffic.scene import Sight
from sandboxes.hardware.traffic.tiles import MAX_PIECES, rectangles
from sandboxes.ttir.addresses.log import AddressLog

SHARED = 0.05
"""Share of the memory that exactly two drawn programs touch, from which on one concludes on memory that none touches;
below, it may be the edges of neighbouring tiles, which are no sign of how much there is."""

Place = tuple[str, str]
"""Argument, and `load` or `store`."""


def touched_bytes(log: AddressLog, seed: int) -> dict[Place, float]:
    """Returns at least how many bytes the launch touches, by argument and `load` or `store`; nothing if unknown.

    Memory that no drawn program touches is as much as that of one program, squared, over twice that of two (Chao,
    "Nonparametric estimation of the number of classes in a population", 1984): a lower bound in expectation.

    Args:
        log: Of programs drawn all over the grid.
        seed: The judge's.
    """
    programs = log.programs.numel()
    sight = Sight(log, tuple(range(len(log.operations))), tuple(range(programs)), np.arange(programs, dtype=np.int64))
    try:
        found = rectangles((sight,), seed)
        events = None if found is None else events_of(found, MAX_PIECES)
    except TooManyPieces:
        return {}
    if events is None:
        return {}
    of = [(op.argument, "load" if op.kind == "load" else "store") for op in log.operations]
    places = sorted(set(of))
    group = np.array([places.index(of[access.operation]) for access in log.accesses], dtype=np.int64)
    sizes = {of[access.operation]: float(access.request.buffer.data.nbytes) for access in log.accesses}
    seen = _shared_by(events, group, programs, len(places))
    result = {}
    for number, place in enumerate(places):
        once, twice, union = seen[:, number].tolist()
        unseen = once**2 / (2 * twice) if twice > SHARED * union else 0.0
        result[place] = min(union + unseen, sizes.get(place, 0.0))
    return result


def _shared_by(events: Events, group: Ints, programs: int, groups: int) -> np.ndarray:
    """Returns bytes that one program, two programs, any program touches: a row each, a column for each group."""
    accesses = group.size
    key = (events.atom * groups + group[events.time % accesses]) * programs + events.time // accesses
    _, first = np.unique(key, return_index=True)
    key, first = key[np.sort(first)] // programs, np.sort(first)
    _, start, count = np.unique(key, return_index=True, return_counts=True)
    amount = (events.bytes * events.weight)[first[start]]
    of = key[start] % groups
    return np.stack(
        [np.bincount(of[some], weights=amount[some], minlength=groups) for some in (count == 1, count == 2, count > 0)]
    )
