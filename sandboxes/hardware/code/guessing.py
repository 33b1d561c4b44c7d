"""What Triton's compiler would choose for an access of which only strides are known.

For kernels that are not compiled, or can't be read. Triton's pass `Coalesce` lets neighbouring threads access
neighbouring elements, along the axis that is consecutive, each as many as 16 bytes hold, but no more than the tensor
has for each thread. Then the axes are filled with threads, the fastest first (`BlockedEncodingAttr`'s builder). What
strides don't tell is not assumed: a stride that isn't a multiple of 16 elements is one the compiler knows nothing of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from sandboxes.hardware.code.code import Lanes

VECTOR_BYTES = 16
SPECIALISED = 16
"""Triton knows of integers that they are multiples of 16, and of no other divisor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A layout that nobody has seen, and the vector that goes with it."""

    lanes: Lanes
    vector: int


def guess(
    shape: tuple[int, ...],
    strides: Sequence[int | None],
    element_bytes: int,
    *,
    warps: int,
    warp_size: int,
    aligned: bool = True,
) -> Guess:
    """Returns the layout that the compiler would choose for an access.

    Args:
        shape: Of the tensor, powers of two; not empty.
        strides: In elements, one per axis; None where elements follow no stride.
        element_bytes: Size of an element.
        warps: `num_warps`.
        warp_size: Threads of a warp.
        aligned: Whether the first address and the end of the mask are multiples of 16 elements.

    Raises:
        ValueError: `shape` and `strides` don't fit.
    """
    if not shape or len(shape) != len(strides):
        raise ValueError(f"strides {tuple(strides)} for a tensor of shape {shape}")
    runs = [size if stride == 1 else 1 for size, stride in zip(shape, strides, strict=True)]
    order = tuple(sorted(range(len(shape)), key=lambda axis: (-runs[axis], -axis)))
    fast = order[0]
    known = aligned and all(
        stride is not None and stride % SPECIALISED == 0
        for axis, stride in enumerate(strides)
        if axis != fast and shape[axis] > 1
    )
    vector = min(runs[fast], max(1, VECTOR_BYTES // element_bytes)) if known else 1
    each = max(1, min(vector, prod(shape) // (warps * warp_size)))
    sizes = tuple(each if axis == fast else 1 for axis in range(len(shape)))
    return Guess(lanes=_filled(shape, sizes, order, warps, warp_size), vector=each)


def _filled(
    shape: tuple[int, ...], sizes: tuple[int, ...], order: tuple[int, ...], warps: int, warp_size: int
) -> Lanes:
    """Returns the layout that fills axis by axis with threads; the slowest axis takes all that are left."""
    lanes, blocks = [1] * len(shape), [1] * len(shape)
    left_lanes, left_warps, left_threads = warp_size, warps, warps * warp_size
    for axis in order[:-1]:
        threads = min(left_threads, max(1, shape[axis] // sizes[axis]))
        lanes[axis] = min(threads, left_lanes)
        blocks[axis] = min(max(1, threads // lanes[axis]), left_warps)
        left_lanes //= lanes[axis]
        left_warps //= blocks[axis]
        left_threads //= threads
    lanes[order[-1]] = left_lanes
    blocks[order[-1]] = left_warps
    return Lanes(size_per_thread=sizes, threads_per_warp=tuple(lanes), warps_per_block=tuple(blocks), order=order)
