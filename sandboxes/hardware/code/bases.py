"""Which elements a thread holds, bit by bit: a layout and the shape of a tensor made into coordinates.

Bits that reach beyond the shape have the place 0: several threads hold the same elements then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandboxes.hardware.code.code import Lanes
from sandboxes.hardware.code.encodings import (
    AmdMfma,
    Blocked,
    Coordinates,
    Distributed,
    DotOperand,
    Linear,
    NvidiaMma,
    Slice,
)


@dataclass(frozen=True, slots=True)
class Bases:
    """A coordinate for each bit of the number of a register, a lane and a warp, lowest bit first."""

    shape: tuple[int, ...]
    register: tuple[Coordinates, ...]
    lane: tuple[Coordinates, ...]
    warp: tuple[Coordinates, ...]

    def flat(self, bases: Iterable[Coordinates]) -> list[int]:
        """Returns coordinates as row-major positions in the tensor."""
        return [flat_index(each, self.shape) for each in bases]


def flat_index(place: Coordinates, shape: Sequence[int]) -> int:
    """Returns the row-major position of a place."""
    index = 0
    for at, size in zip(place, shape, strict=True):
        index = index * size + at
    return index


def bases_of(layout: Distributed, shape: tuple[int, ...]) -> Bases | None:
    """Returns the places of `layout` in a tensor of `shape`; None if they are not known."""
    if any(size < 1 or size & (size - 1) for size in shape):
        return None
    match layout:
        case Blocked() if len(layout.order) == len(shape):
            return _blocked(layout, shape)
        case Linear() if all(len(row) == len(shape) for row in layout.register + layout.lane + layout.warp):
            return _fitting(shape, layout.register, layout.lane, layout.warp)
        case Slice() if 0 <= layout.dim <= len(shape):
            parent = bases_of(layout.parent, (*shape[: layout.dim], 1, *shape[layout.dim :]))
            return _without(parent, layout.dim) if parent is not None else None
        case NvidiaMma() if len(shape) == len(layout.warps) == 2:
            return _nvidia_mma(layout, shape)
        case AmdMfma() if len(shape) == len(layout.warps) == 2:
            return _amd_mfma(layout, shape)
        case DotOperand() if len(shape) == 2 and layout.operand in (0, 1):
            return _operand(layout, shape)
    return None


def _bits(axis: int, rank: int, start: int, count: int) -> list[Coordinates]:
    """Coordinates `start`, 2 `start`, ... along `axis`, for `count` values."""
    steps = []
    step = start
    while step < start * count:
        steps.append(tuple(step if each == axis else 0 for each in range(rank)))
        step *= 2
    return steps


def _blocked(layout: Blocked, shape: tuple[int, ...]) -> Bases:
    rank = len(shape)
    register: list[Coordinates] = []
    lane: list[Coordinates] = []
    warp: list[Coordinates] = []
    tile = [1] * rank
    levels = ((register, layout.size_per_thread), (lane, layout.threads_per_warp), (warp, layout.warps_per_block))
    for bases, sizes in levels:
        for axis in layout.order:
            bases += _bits(axis, rank, tile[axis], sizes[axis])
            tile[axis] *= sizes[axis]
    return _repeated(shape, register, lane, warp, tile, layout.order)


def _repeated(
    shape: tuple[int, ...],
    register: list[Coordinates],
    lane: list[Coordinates],
    warp: list[Coordinates],
    tile: Sequence[int],
    order: Sequence[int],
) -> Bases:
    """A tensor larger than the tile is held in more registers."""
    for axis in order:
        if shape[axis] > tile[axis]:
            register = register + _bits(axis, len(shape), tile[axis], shape[axis] // tile[axis])
    return _fitting(shape, register, lane, warp)


def _fitting(
    shape: tuple[int, ...],
    register: Iterable[Coordinates],
    lane: Iterable[Coordinates],
    warp: Iterable[Coordinates],
) -> Bases:
    """Leaves out registers beyond the shape; lanes and warps beyond it hold copies."""

    def cut(place: Coordinates) -> Coordinates:
        return tuple(at if at < size else 0 for at, size in zip(place, shape, strict=True))

    kept = tuple(place for place in map(cut, register) if any(place))
    return Bases(shape, kept, tuple(map(cut, lane)), tuple(map(cut, warp)))


def _without(parent: Bases, dim: int) -> Bases:
    def cut(places: Iterable[Coordinates]) -> tuple[Coordinates, ...]:
        return tuple(place[:dim] + place[dim + 1 :] for place in places)

    shape = parent.shape[:dim] + parent.shape[dim + 1 :]
    return Bases(shape, tuple(p for p in cut(parent.register) if any(p)), cut(parent.lane), cut(parent.warp))


def _warps(warps: Sequence[int], tile: list[int], order: Sequence[int]) -> list[Coordinates]:
    """Places of warps side by side; the tile grows to all of theirs."""
    bases: list[Coordinates] = []
    for axis in order:
        bases += _bits(axis, 2, tile[axis], warps[axis])
        tile[axis] *= warps[axis]
    return bases


def _nvidia_mma(layout: NvidiaMma, shape: tuple[int, ...]) -> Bases | None:
    """Results of `mma.m16n8` (PTX ISA, "Matrix Fragments for mma.m16n8k16"), and of `wgmma.m64n*` by warp."""
    if layout.version not in (2, 3) or len(layout.instruction) < 2:
        return None
    columns = layout.instruction[1] if layout.version == 3 else 8
    lane = [(0, 2), (0, 4), (1, 0), (2, 0), (4, 0)]
    register = [(0, 1), (8, 0), *_bits(1, 2, 8, columns // 8)]
    tile = [16, columns]
    warp = _warps(layout.warps, tile, (1, 0) if layout.version == 2 else (0, 1))
    return _repeated(shape, list(register), list(lane), warp, tile, (1, 0))


def _amd_mfma(layout: AmdMfma, shape: tuple[int, ...]) -> Bases | None:
    """Results of `v_mfma_*_32x32` and `_16x16` (AMD, "CDNA3 Instruction Set Architecture", 2024, section 7)."""
    size = layout.instruction[0]
    if layout.instruction[:2] not in ((32, 32), (16, 16)):
        return None
    long, short = (0, 1) if layout.transposed else (1, 0)
    register = [*_bits(short, 2, 1, 4), *(_bits(short, 2, 8, 4) if size == 32 else [])]
    lane = [*_bits(long, 2, 1, size), *_bits(short, 2, 4, 64 // size)]
    tile = [size, size]
    warp = _warps(layout.warps, tile, (1, 0))
    return _repeated(shape, register, lane, warp, tile, (1, 0))


def _operand(layout: DotOperand, shape: tuple[int, ...]) -> Bases | None:
    """Operands of products: all of the depth is in each warp; warps along the other operand hold copies."""
    deep, wide = (1, 0) if layout.operand == 0 else (0, 1)
    parent = layout.parent
    if isinstance(parent, Blocked) and len(parent.order) == 2:
        outline = _blocked(parent, (shape[0], 1) if deep == 1 else (1, shape[1]))
        register = [*_bits(deep, 2, 1, shape[deep]), *outline.register]
        return _fitting(shape, register, outline.lane, outline.warp)
    depth = layout.depth
    if isinstance(parent, NvidiaMma) and parent.version == 2 and depth:
        lane = [*_bits(deep, 2, depth, 4), *_bits(wide, 2, 1, 8)]
        high = [] if wide == 1 else _bits(wide, 2, 8, 2)
        register = [*_bits(deep, 2, 1, depth), *high, *_bits(deep, 2, 4 * depth, 2)]
        tile = [16, 8 * depth] if wide == 0 else [8 * depth, 8]
    elif isinstance(parent, AmdMfma) and depth and parent.instruction[:2] in ((32, 32), (16, 16)):
        size = parent.instruction[0]
        lane = [*_bits(wide, 2, 1, size), *_bits(deep, 2, depth, 64 // size)]
        register = _bits(deep, 2, 1, depth)
        tile = [size, depth * 64 // size] if wide == 0 else [depth * 64 // size, size]
    else:
        return None
    sides = [1, 1]
    sides[wide] = parent.warps[wide]
    placed = iter(_warps(sides, tile, (1, 0)))
    warp = [
        next(placed) if axis == wide else (0, 0) for axis in (1, 0) for _ in range(parent.warps[axis].bit_length() - 1)
    ]
    return _repeated(shape, register, lane, warp, tile, (1, 0))


def order_of(layout: Distributed, bases: Bases) -> tuple[int, ...]:
    """Returns the axes, fastest first, as Triton's vectoriser sees them."""
    if isinstance(layout, Blocked):
        return layout.order
    found: list[int] = []
    for place in bases.register + bases.lane + bases.warp:
        found += [axis for axis, at in enumerate(place) if at and axis not in found]
    return (*found, *(axis for axis in reversed(range(len(bases.shape))) if axis not in found))


def neighbours(bases: Bases, axis: int) -> int:
    """Returns how many neighbours along `axis` one thread holds."""
    along = {place[axis] for place in bases.register if sum(map(bool, place)) == 1}
    count = 1
    while count in along:
        count *= 2
    return count


def lanes_of(layout: Distributed, bases: Bases) -> Lanes | None:
    """Returns a layout in the terms of blocked ones, if each request of a warp is the same then; None otherwise.

    Which thread of a warp holds which element of its request does not matter to memory, nor which warp makes a
    request: so places of lanes are taken as a set, and registers above the warp's tile may change places with warps.
    """
    if isinstance(layout, Blocked):
        return Lanes(
            size_per_thread=layout.size_per_thread,
            threads_per_warp=layout.threads_per_warp,
            warps_per_block=layout.warps_per_block,
            order=layout.order,
        )
    if any(sum(map(bool, place)) > 1 for place in bases.register + bases.lane + bases.warp):
        return None
    sizes, threads, warps = [], [], []
    for axis in range(len(bases.shape)):
        size = neighbours(bases, axis)
        lane = sorted(place[axis] for place in bases.lane if place[axis])
        if lane != [size << bit for bit in range(len(lane))]:
            return None
        sizes.append(size)
        threads.append(1 << len(lane))
        warps.append(1 << sum(bool(place[axis]) for place in bases.warp))
    return Lanes(
        size_per_thread=tuple(sizes),
        threads_per_warp=tuple(threads),
        warps_per_block=tuple(warps),
        order=order_of(layout, bases),
    )
