"""Accesses as boxes: strided blocks of bytes, one per program, found without a look at single elements.

Programs ask for tiles. A tile of rows with a common stride is a *box*, and a matrix product of a thousand programs has
a few dozen different ones per step, so everything behind this module works on boxes. That the offsets form one is
verified, exactly, program by program; whatever does not (gathers, masks that cut holes) becomes single sectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sandboxes.ttir.memory.addressing import Request

SECTOR_BYTES = 32

FARTHEST = 2**35
"""Elements from the start of a storage beyond which nobody asks where an access is: no storage is as large, and the
executor refuses what is out of bounds."""

AT_ONCE = 2**18
"""Lanes that are computed together, for the sake of the processor's caches."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Strided blocks: elements at ``start + sum(i_k * strides[k])`` for ``i_k < counts[:, k]``."""

    rows: Ints
    """Row of the request (program) of each box, ascending."""
    start: Ints
    """Byte address of the first element."""
    strides: tuple[int, ...]
    """Bytes, positive, ascending; the same for all of these boxes."""
    counts: Ints
    """Elements per axis, one row per box."""
    element_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Loose:
    """Elements that form no box, one by one."""

    rows: Ints
    start: Ints
    """Byte address of each element."""
    element_bytes: int


def different(values: Ints) -> Ints:
    """Returns each value once, ascending; `np.unique` hashes first, which takes ten times as long here."""
    ordered = np.sort(values, axis=None)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if ordered.size else ordered


class Shapes:
    """Reads boxes off requests; remembers the terms that a loop uses again."""

    def __init__(self) -> None:
        self._strides: dict[tuple[int, int], tuple[Tensor, int, Flags]] = {}
        self._windows: dict[tuple[int, int], tuple[Tensor, _Window]] = {}

    def boxes(self, request: Request, programs: int) -> tuple[Boxes | None, Flags]:
        """Returns the boxes of `request`, and which of its `programs` have none because their lanes form no box.

        Programs without an active lane are in neither.
        """
        strides, regular = self._layout(request, programs)
        low = np.zeros((programs, len(request.shape)), dtype=np.int64)
        high = np.tile(np.array(request.shape, dtype=np.int64), (programs, 1)).reshape(programs, -1)
        alive = np.ones(programs, dtype=np.bool_)
        for mask in request.masks:
            window = self._window(mask)
            if window is None:
                return None, np.ones(programs, dtype=np.bool_)
            alive &= window.some
            if window.axis is not None:
                regular = regular & (window.run | ~window.some)
                low[:, window.axis] = np.maximum(low[:, window.axis], window.low)
                high[:, window.axis] = np.minimum(high[:, window.axis], window.high)
        counts = high - low
        if counts.shape[1]:
            alive &= (counts > 0).all(axis=1)
        start = np.zeros(programs, dtype=np.int64)
        for term in request.terms:
            start = start + term.reshape(term.shape[0], -1)[:, 0].numpy()
        reach = float(np.abs(np.array(strides, dtype=np.float64)) @ np.array(request.shape, dtype=np.float64))
        regular = regular & (np.abs(start.astype(np.float64)) + reach < FARTHEST)
        picked = np.flatnonzero(alive & regular)
        if not picked.size:
            return None, alive & ~regular
        return _ordered(request, picked, start, strides, low, counts), alive & ~regular

    def strides(self, request: Request) -> tuple[int | None, ...]:
        """Returns elements from lane to lane along each axis; None where most programs have no such number."""
        programs = max((term.shape[0] for term in request.terms), default=1)
        found: list[int | None] = []
        for axis in range(1, len(request.shape) + 1):
            steps = [self._stride(term, axis) for term in request.terms if term.dim() > axis and term.shape[axis] > 1]
            regular = np.ones(programs, dtype=np.bool_)
            for _, right in steps:
                regular = regular & right
            found.append(sum(stride for stride, _ in steps) if 2 * np.count_nonzero(regular) > programs else None)
        return tuple(found)

    def _layout(self, request: Request, programs: int) -> tuple[list[int], Flags]:
        """Returns elements from lane to lane along each axis, and for which programs that is true."""
        strides = [0] * len(request.shape)
        regular = np.ones(programs, dtype=np.bool_)
        for term in request.terms:
            for axis in range(1, term.dim()):
                if term.shape[axis] > 1:
                    stride, right = self._stride(term, axis)
                    strides[axis - 1] += stride
                    regular = regular & right
        return strides, regular

    def _stride(self, term: Tensor, axis: int) -> tuple[int, Flags]:
        key = id(term), axis
        if key not in self._strides:
            steps = term.numpy().astype(np.int64, copy=False)
            few = np.diff(steps[:: max(1, steps.shape[0] // 4)], axis=axis)
            if steps.size > AT_ONCE and bool((few != few.flat[0]).reshape(few.shape[0], -1).any(axis=1).all()):
                self._strides[key] = term, 0, np.zeros(term.shape[0], dtype=np.bool_)  # no look at all of it
                return self._strides[key][1:]
            steps = np.diff(steps, axis=axis).reshape(term.shape[0], -1)
            stride = int(np.median(steps[:, 0])) if steps.shape[0] > 1 else int(steps[0, 0])
            self._strides[key] = term, stride, (steps == stride).all(axis=1)
        return self._strides[key][1:]

    def _window(self, mask: Tensor) -> "_Window | None":
        spanned = [axis for axis in range(1, mask.dim()) if mask.shape[axis] > 1]
        if len(spanned) > 1:
            return None
        key = id(mask), 0
        if key not in self._windows:
            lanes = mask.numpy().reshape(mask.shape[0], -1)
            self._windows[key] = mask, _window(lanes, spanned[0] - 1 if spanned else None)
        return self._windows[key][1]


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """What a mask leaves of one axis, per program."""

    axis: int | None
    some: Flags
    run: Flags
    """Whether it is one run of lanes."""
    low: Ints
    high: Ints


def _window(lanes: Flags, axis: int | None) -> _Window:
    count = np.count_nonzero(lanes, axis=1)
    low = lanes.argmax(axis=1).astype(np.int64)
    high = lanes.shape[1] - lanes[:, ::-1].argmax(axis=1).astype(np.int64)
    return _Window(axis, count > 0, high - low == count, low, high)


def _ordered(request: Request, picked: Ints, start: Ints, strides: list[int], low: Ints, counts: Ints) -> Boxes:
    """Returns boxes whose strides are positive and ascending; axes along which nothing moves are gone."""
    size = request.buffer.data.element_size()
    start = np.broadcast_to(start, (low.shape[0],)) + (low * np.array(strides, dtype=np.int64)).sum(axis=1)
    start, counts = start[picked], counts[picked]
    axes = sorted((axis for axis, stride in enumerate(strides) if stride), key=lambda axis: abs(strides[axis]))
    for axis in axes:
        if strides[axis] < 0:
            start = start + strides[axis] * (counts[:, axis] - 1)
    steps = tuple(abs(strides[axis]) * size for axis in axes)
    return Boxes(picked, request.buffer.address + start * size, steps, counts[:, axes], size)


def loose(
    request: Request, rows: Flags, most: int, computed: int, random: np.random.Generator, salt: int
) -> tuple[Loose | None, float]:
    """Returns the active elements of the programs in `rows`, and how many each of them stands for.

    All of them are computed if there are at most `computed`, otherwise those of some programs. If more than
    `most` are left, all but a share of the *sectors* is passed over, drawn by a hash with `salt`, the same for all
    accesses: who uses memory again is then seen exactly (Waldspurger et al., "Efficient MRC construction with SHARDS",
    2015).
    """
    index = np.flatnonzero(rows)
    per_program = max(1, int(np.prod(request.shape, dtype=np.int64)))
    keep = max(1, computed // per_program)
    scale = max(1.0, index.size / keep)
    if index.size > keep:
        index = np.sort(random.choice(index, keep, replace=False))
    spread = 1 << (-(-index.size * per_program // most) - 1).bit_length()  # sectors of a wide one are in a narrow one
    found = []
    for first in range(0, index.size, max(1, AT_ONCE // per_program)):
        part = index[first : first + max(1, AT_ONCE // per_program)]
        address, active = elements_of(request, part)
        of_row = np.broadcast_to(part[:, None], address.shape)
        if spread > 1:
            active = active & (_hashed(address // SECTOR_BYTES, salt) & np.uint64(spread - 1) == 0)
        found.append((of_row[active], address[active]))
    if not sum(piece[0].size for piece in found):
        return None, scale * spread
    size = request.buffer.data.element_size()
    addresses = np.concatenate([f[1] for f in found])
    return Loose(np.concatenate([f[0] for f in found]), addresses, size), scale * spread


def _hashed(numbers: Ints, salt: int) -> NDArray[np.uint64]:
    mixed = (numbers.astype(np.uint64) ^ np.uint64(salt)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))


def elements_of(request: Request, rows: Ints) -> tuple[Ints, Flags]:
    """Returns addresses and activity of all lanes of some programs, one row per program."""
    shape = rows.size, *request.shape
    total: Ints = np.zeros((1,) * len(shape), dtype=np.int64)
    for term in sorted(request.terms, key=Tensor.numel):
        total = total + _of(term, rows, len(shape))
    active: Flags = np.ones((1,) * len(shape), dtype=np.bool_)
    for mask in request.masks:
        active = active & (_of(mask, rows, len(shape)) != 0)
    total = np.clip(total, -FARTHEST, FARTHEST)
    address = request.buffer.address + total * request.buffer.data.element_size()
    flat = rows.size, -1
    return np.broadcast_to(address, shape).reshape(flat), np.broadcast_to(active, shape).reshape(flat)


def _of(term: Tensor, rows: Ints, dimensions: int) -> NDArray[np.int64]:
    values: NDArray[np.int64] = term.numpy()
    own = values if values.shape[0] == 1 else values[rows]
    return own.reshape(own.shape[0], *(own.shape[1:] or (1,) * (dimensions - 1)))
