"""Ways through shared memory: whether there is one, and how its addresses fall on the banks.

Shared memory has 32 banks of 4 bytes (CUDA C++ Programming Guide, "Shared Memory", for all capabilities from 5.0 on;
AMD's LDS likewise, "CDNA3 Instruction Set Architecture", section 11). One pass serves 128 bytes, of each bank one word;
lanes that read the same word share it. An instruction of more than 4 bytes per lane is served in as many groups of
lanes as it has 128 bytes.
"""

from enum import StrEnum
from functools import lru_cache
from math import gcd

from sandboxes.hardware.code.bases import Bases, bases_of, neighbours
from sandboxes.hardware.code.encodings import Distributed, DotOperand, Encoding, NvidiaMma, Padded, Swizzled

BANKS = 32
WORD_BYTES = 4
PASS_BYTES = BANKS * WORD_BYTES
VECTOR_BYTES = 16
MATRIX_ROWS = 8
MATRIX_ROW_BYTES = 16
"""`ldmatrix` reads matrices of 8 rows of 16 bytes, each at an address of its own (PTX ISA)."""


class Move(StrEnum):
    """How a tensor gets from one layout to another."""

    REGISTERS = "registers"
    """Each thread has what it needs."""
    SHUFFLES = "shuffles"
    """Some other lane of the warp has it."""
    SHARED = "shared"
    """Through shared memory."""


def move(source: Distributed, target: Distributed, shape: tuple[int, ...]) -> Move:
    """Returns how a tensor of `shape` changes its layout; through shared memory if a layout is not known."""
    before, after = bases_of(source, shape), bases_of(target, shape)
    if before is None or after is None or before.warp != after.warp:
        return Move.SHARED
    return Move.REGISTERS if before.lane == after.lane else Move.SHUFFLES


def copies(bases: Bases | None) -> int:
    """Returns how many warps hold each element; 1 if it is not known."""
    return 1 << sum(not any(place) for place in bases.warp) if bases is not None else 1


def warps_along(bases: Bases, axis: int) -> int:
    """Returns how many warps share a row along `axis`."""
    return 1 << sum(bool(place[axis]) for place in bases.warp)


@lru_cache(maxsize=1024)
def conflicts(
    layout: Distributed, shared: Encoding, shape: tuple[int, ...], element_bytes: int, buffer: tuple[int, ...] = ()
) -> float:
    """Returns the passes of one instruction of a warp over the fewest that its bytes need.

    1 if a layout is not known: `#ttg.nvmma_shared`, which tensor cores and the copy engine use, is made to have none.

    Args:
        layout: Who holds what.
        shared: Where it lies.
        shape: Of the tensor.
        element_bytes: Of the tensor.
        buffer: Shape of what it is a part of in shared memory; left out, all of it.
    """
    bases = bases_of(layout, shape)
    if bases is None or not isinstance(shared, Swizzled | Padded) or len(shared.order) != len(shape):
        return 1.0
    shape = buffer or shape
    matrix = _matrix(layout, shared, shape, element_bytes)
    if matrix is not None:
        return _passes([matrix])
    fast = shared.order[0]
    vector = max(1, min(neighbours(bases, fast), VECTOR_BYTES // element_bytes))
    if isinstance(shared, Swizzled) and shared.max_phase > 1:
        vector = min(vector, shared.vec)
    if isinstance(shared, Padded):
        vector = min(vector, gcd(*shared.intervals, *shared.paddings))
    places = _lane_places(bases)
    together = max(1, min(BANKS, PASS_BYTES // (vector * element_bytes)))
    groups = []
    for start in range(0, len(places), together):
        words: set[int] = set()
        for place in places[start : start + together]:
            first = offset(shared, place, shape) * element_bytes
            words.update(range(first // WORD_BYTES, (first + vector * element_bytes - 1) // WORD_BYTES + 1))
        groups.append(words)
    return _passes(groups)


def offset(shared: Swizzled | Padded, place: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """Returns the position of an element in shared memory, in elements."""
    if isinstance(shared, Padded):
        plain = _plain(place, shape, shared.order)
        return plain + sum(
            plain // interval * padding for interval, padding in zip(shared.intervals, shared.paddings, strict=True)
        )
    if len(shape) < 2:
        return place[0]
    fast, slow = shared.order[0], shared.order[1]
    phase = place[slow] // shared.per_phase % shared.max_phase
    if shared.rotating:
        phase ^= place[slow] // (shared.per_phase * shared.max_phase) % shared.max_phase
    groups = max(1, shape[fast] // shared.vec)
    group = place[fast] // shared.vec ^ phase % groups
    swizzled = list(place)
    swizzled[fast] = group * shared.vec + place[fast] % shared.vec
    return _plain(tuple(swizzled), shape, shared.order)


def _plain(place: tuple[int, ...], shape: tuple[int, ...], order: tuple[int, ...]) -> int:
    index = 0
    for axis in reversed(order):
        index = index * shape[axis] + place[axis]
    return index


def _lane_places(bases: Bases) -> list[tuple[int, ...]]:
    """Places of the first register of all lanes of the first warp."""
    places = [(0,) * len(bases.shape)]
    for step in bases.lane:
        places += [tuple(a ^ b for a, b in zip(place, step, strict=True)) for place in places]
    return places


def _matrix(
    layout: Distributed, shared: Swizzled | Padded, shape: tuple[int, ...], element_bytes: int
) -> set[int] | None:
    """Words of one 8x8 matrix, where Triton loads operands with `ldmatrix`; None where it doesn't."""
    if not isinstance(layout, DotOperand) or not isinstance(layout.parent, NvidiaMma) or len(shape) != 2:
        return None
    fast, slow = shared.order
    deep = 1 if layout.operand == 0 else 0
    if (element_bytes != 2 and fast != deep) or element_bytes > 4:
        return None
    words: set[int] = set()
    for row in range(min(MATRIX_ROWS, shape[slow])):
        first = offset(shared, (row, 0) if slow == 0 else (0, row), shape) * element_bytes
        words.update(range(first // WORD_BYTES, (first + MATRIX_ROW_BYTES) // WORD_BYTES))
    return words


def _passes(groups: list[set[int]]) -> float:
    """Passes over the fewest possible; lanes of a group that want the same word share it."""
    passes = least = 0
    for words in groups:
        by_bank: dict[int, int] = {}
        for word in words:
            by_bank[word % BANKS] = by_bank.get(word % BANKS, 0) + 1
        passes += max(by_bank.values())
        least += -(-len(words) // BANKS)
    return passes / least
