"""What an access of many programs touches, as a strided pattern, and proofs that programs keep apart.

Every proof works on one number per program (where its block starts); none looks at elements. A proof may fail for
programs that do keep apart: then elements decide (`elements.py`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sandboxes.ttir.memory.addressing import Layout, Request, progression

Hull = tuple[int, int]
"""First and last element."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A strided block per program: a superset of the elements that an access touches."""

    request: Request
    """The exact access, with its offsets in the least memory."""
    ids: Tensor
    """int32 linear program ids plus one."""
    slots: Tensor
    """Positions of the programs within their chunk."""
    first: Tensor
    """Per program the first element, shape ``(P,)`` or ``(1,)``."""
    last: Tensor
    hull: Hull
    mask_bytes: int
    changed: Tensor | None = None
    """Of a store: where it changes bits; None if no load depends on that."""


def region(request: Request, block: Layout, ids: Tensor, slots: Tensor) -> Region:
    """The region of an access."""
    below, above = _reach(block)
    masks = sum(mask.numel() for mask in request.masks)
    hull = hull_of(block)
    return Region(_compact(request, block), ids, slots, block.start + below, block.start + above, hull, masks)


def hull_of(block: Layout) -> Hull:
    """The first and the last element of all programs' blocks."""
    below, above = _reach(block)
    low, high = torch.aminmax(block.start)
    return int(low) + below, int(high) + above


def _reach(block: Layout) -> Hull:
    """How far a block reaches below and above its start."""
    reach = [(size - 1) * stride for size, stride in zip(block.sizes, block.strides, strict=True)]
    return sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)


def _compact(request: Request, block: Layout) -> Request:
    """The same access, its offsets as one term per program and one per axis."""
    rank = len(request.shape)
    cut = sum(low * stride for (low, _), stride in zip(block.windows, block.strides, strict=True))
    terms = [(block.start - cut).reshape(-1, *[1] * rank)]
    for axis, (size, stride) in enumerate(zip(request.shape, block.strides, strict=True)):
        if stride:
            shape = [1] * (rank + 1)
            shape[axis + 1] = size
            terms.append((torch.arange(size) * stride).reshape(shape))
    return Request(request.buffer, tuple(terms), request.masks, request.shape)


def apart(first: Tensor, last: Tensor) -> bool:
    """Whether the intervals from `first` to `last` (inclusive) are pairwise disjoint."""
    if bool((last[:-1] < first[1:]).all()):
        return True
    first, order = torch.sort(first)
    return bool((last[order][:-1] < first[1:]).all())


def programs_apart(block: Layout, programs: int) -> bool:
    """Whether no element belongs to the blocks of two programs."""
    if programs == 1:
        return True
    if block.start.numel() == 1:
        return False
    below, above = _reach(block)
    return apart(block.start + below, block.start + above) or _tiled(block) or _latticed(block)


def _axes(block: Layout) -> list[tuple[int, int, int]]:
    """Stride, size and number of the axes that span elements, largest stride first."""
    axes = enumerate(zip(block.strides, block.sizes, strict=True))
    return sorted(((abs(stride), size, axis) for axis, (stride, size) in axes if size > 1 and stride), reverse=True)


def _tiled(block: Layout) -> bool:
    """Whether the blocks are different tiles of one aligned tiling (in any order, like a grouped matmul's)."""
    if any(stride < 0 for stride in block.strides):
        return False
    extents = _extents(block)
    rest = block.start - block.start.min()
    outer = None
    for stride, size, axis in _axes(block):
        tile = torch.div(rest, stride, rounding_mode="floor")
        rest = rest - tile * stride
        if bool((tile % size).any()):
            return False
        if outer is not None and bool(((tile + extents.get(axis, size)) * stride > outer).any()):
            return False
        outer = stride
    return not bool(rest.any()) and torch.unique(block.start).numel() == block.start.numel()


def _extents(block: Layout) -> dict[int, Tensor]:
    """Per axis how many lanes of each program are active, for masks that cut a program's block at its far end."""
    found: dict[int, Tensor] = {}
    for mask in block.rest:
        spanned = [axis for axis in range(1, mask.dim()) if mask.shape[axis] > 1]
        if len(spanned) != 1 or block.windows[spanned[0] - 1] != (0, mask.shape[spanned[0]]):
            continue
        lanes = mask.reshape(mask.shape[0], -1)
        counts = torch.count_nonzero(lanes, dim=1)
        if bool((lanes == (torch.arange(lanes.shape[1]) < counts[:, None])).all()):
            axis = spanned[0] - 1
            found[axis] = torch.minimum(found[axis], counts) if axis in found else counts
    return found


def _latticed(block: Layout) -> bool:
    """Whether programs and lanes are digits of one mixed-radix number: each stride exceeds what smaller ones reach."""
    pattern = progression(block.start)
    if pattern is None:
        return False
    digits = [*zip((abs(step) for step in pattern[1]), pattern[0], strict=True), *(axis[:2] for axis in _axes(block))]
    reach = 0
    for stride, size in sorted(digits):
        if size > 1 and stride <= reach:
            return False
        reach += (size - 1) * stride
    return True
