"""Atomics that meet at one address: the L2 cache does them one after the other, so the busiest address sets a floor.

Counted on lanes drawn at random. Where one address stands out, its share of all operations is seen directly; where many
addresses get about as much, two draws seldom meet, and how often they do tells how many operations an address gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sandboxes.hardware.traffic.boxes import Ints
from sandboxes.ttir.addresses.log import Access
from sandboxes.ttir.memory.addressing import Request

DRAWN_LANES = 2**15
"""Lanes of one operation that are looked at, per wave."""

STANDS_OUT = 4
"""Draws of one address from which on its share of the draws is believed."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Draws:
    """Lanes of one operation in one wave, drawn at random."""

    address: Ints
    operations: float
    """Active lanes of the wave, as far as it was looked at."""
    stands_for: float
    """Waves like this one."""


def draw(executions: Sequence[tuple[Access, Ints]], random: np.random.Generator) -> tuple[Ints, float]:
    """Returns addresses of active lanes, and how many active lanes there are.

    Args:
        executions: Accesses of one operation with the rows of one wave's programs.
        random: Draws lanes.
    """
    lanes = np.array([_lanes(access.request) * rows.size * access.repeats for access, rows in executions], dtype=float)
    counts = random.multinomial(min(DRAWN_LANES, int(lanes.sum())), lanes / lanes.sum())
    found, drawn = [], 0
    for (access, rows), count in zip(executions, counts.tolist(), strict=True):
        if count:
            drawn += count
            found.append(_drawn(access.request, rows, count, random))
    address = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    return address, float(lanes.sum()) * address.size / max(1, drawn)


def busiest(draws: Sequence[Draws]) -> float:
    """Returns how many operations the address with the most gets over the launch.

    Args:
        draws: Of each wave that was looked at, in order.
    """
    draws = [wave for wave in draws if wave.address.size]
    if not draws:
        return 0.0
    # half of the draws choose the address, the others say how much it gets: the luckiest of many would seem busy
    address, counts = np.unique(np.concatenate([wave.address[::2] for wave in draws]), return_counts=True)
    top = int(address[counts.argmax()])
    rest = [wave.address[1::2] == top for wave in draws]
    if sum(int(np.count_nonzero(hits)) for hits in rest) >= STANDS_OUT:
        here = [
            float(hits.mean()) * wave.operations if hits.size else 0.0 for hits, wave in zip(rest, draws, strict=True)
        ]
        if sum(count > 0 for count in here) == 1 and len(draws) > 1:
            return max(here)
        return sum(count * wave.stands_for for count, wave in zip(here, draws, strict=True))
    within = max(_meetings(wave.address, wave.address, same=True) * wave.operations for wave in draws)
    across = 0.0
    for wave, other in pairwise(draws):
        rate = _meetings(wave.address, other.address, same=False) * other.operations
        across = max(across, rate * (sum(each.stands_for for each in draws) - 1))
    return 1.0 + within + across


def _meetings(one: Ints, other: Ints, *, same: bool) -> float:
    """Returns how likely a draw of `one` has the address of a draw of `other`; draws don't meet themselves."""
    mine, count = np.unique(one, return_counts=True)
    theirs, others = np.unique(other, return_counts=True)
    _, left, right = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    pairs = float((count[left] * others[right]).sum())
    if same:
        return (pairs - one.size) / max(1, one.size * (one.size - 1))
    return pairs / max(1, one.size * other.size)


def _lanes(request: Request) -> int:
    return int(np.prod(request.shape, dtype=np.int64))


def _drawn(request: Request, rows: Ints, count: int, random: np.random.Generator) -> Ints:
    """Returns addresses of those of `count` drawn lanes that are active."""
    places: tuple[Ints, ...] = (rows[random.integers(rows.size, size=count)],)
    if request.shape:
        places += tuple(np.unravel_index(random.integers(_lanes(request), size=count), request.shape))
    active = np.ones(count, dtype=np.bool_)
    for mask in request.masks:
        active &= _at(mask.numpy(), places)
    offset = np.zeros(count, dtype=np.int64)
    for term in request.terms:
        offset += _at(term.numpy(), places)
    return (request.buffer.address + offset[active] * request.buffer.data.element_size()).astype(np.int64)


def _at(values: np.ndarray, places: tuple[Ints, ...]) -> np.ndarray:
    picked: np.ndarray = values[tuple(0 if size == 1 else at for size, at in zip(values.shape, places, strict=True))]
    return picked
