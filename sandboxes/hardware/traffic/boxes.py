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
        picked = np.flatnonzero(alive & regular)
        if not picked.size:
            return None, alive & ~regular
        start = np.zeros(programs, dtype=np.int64)
        for term in request.terms:
            start = start + term.reshape(term.shape[0], -1)[:, 0].numpy()
        return _ordered(request, picked, start, strides, low, counts), alive & ~regular

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


def loose(request: Request, rows: Flags, most: int, random: np.random.Generator) -> tuple[Loose | None, float]:
    """Returns the active elements of the programs in `rows`, and how many each of them stands for.

    Where there are more than `most`, some of the programs are looked at, drawn by `random`.
    """
    index = np.flatnonzero(rows)
    keep = max(1, most // max(1, int(np.prod(request.shape, dtype=np.int64))))
    scale = max(1.0, index.size / keep)
    if index.size > keep:
        index = np.sort(random.choice(index, keep, replace=False))
    found = []
    for row in index.tolist():
        addresses, active = lanes(request, row)
        found.append((np.full(int(np.count_nonzero(active)), row, dtype=np.int64), addresses[active]))
    if not sum(piece[0].size for piece in found):
        return None, scale
    size = request.buffer.data.element_size()
    return Loose(np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found]), size), scale


def lanes(request: Request, row: int) -> tuple[Ints, Flags]:
    """Returns byte addresses and activity of all lanes of one program, row-major in the request's shape."""
    size = request.buffer.data.element_size()
    shape = request.shape
    total = np.zeros(shape, dtype=np.int64)
    for term in request.terms:
        total = total + _flat(_row(term, row), shape)
    active = np.ones(shape, dtype=np.bool_)
    for mask in request.masks:
        active = active & (_flat(_row(mask, row), shape) != 0)
    return (request.buffer.address + total.reshape(-1) * size).astype(np.int64), active.reshape(-1)


def _row(term: Tensor, row: int) -> Tensor:
    return term if term.shape[0] == 1 else term.narrow(0, row, 1)


def _flat(term: Tensor, shape: tuple[int, ...]) -> NDArray[np.int64]:
    array: NDArray[np.int64] = term.numpy().reshape(
        term.shape[1:] if term.dim() == len(shape) + 1 else (1,) * len(shape)
    )
    return array
