"""Which elements each instruction of a warp accesses, from a layout of threads."""

from math import prod

import torch
from torch import Tensor

from sandboxes.hardware.code.bases import Bases, bases_of
from sandboxes.hardware.code.code import Lanes
from sandboxes.hardware.code.encodings import Blocked, Coordinates

MAX_ELEMENTS = 1 << 24


def warp_requests(lanes: Lanes, shape: tuple[int, ...], warp_size: int, vector: int) -> Tensor:
    """Returns what the warps of one program access, instruction by instruction.

    Args:
        lanes: Who holds what.
        shape: Of the tensor, powers of two.
        warp_size: Threads of a warp; those that `lanes` doesn't place hold copies.
        vector: Neighbours along the fastest axis that one instruction of a thread accesses; less if it holds less.

    Returns:
        int64 (requests, threads, vector): row-major positions in the tensor. Each element is there once: threads and
        warps that hold copies are left out.

    Raises:
        ValueError: The layout doesn't fit the shape, or the tensor is too large.
    """
    if not shape or len(lanes.order) != len(shape) or prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a layout of rank {len(lanes.order)} for a tensor of shape {shape}")
    if prod(lanes.threads_per_warp) > warp_size:
        raise ValueError(f"{lanes.threads_per_warp} threads don't fit into a warp of {warp_size}")
    layout = Blocked(lanes.size_per_thread, lanes.threads_per_warp, lanes.warps_per_block, lanes.order)
    bases = bases_of(layout, shape)
    if bases is None:
        raise ValueError(f"the shape {shape} is no power of two")
    along, others = _split(bases, lanes.order[0], vector)
    requests = _sums(bases.flat((*others, *(place for place in bases.warp if any(place)))))
    threads = _sums(bases.flat(place for place in bases.lane if any(place)))
    neighbours = _sums(bases.flat(along))
    return requests[:, None, None] + threads[None, :, None] + neighbours[None, None, :]


def _split(bases: Bases, axis: int, vector: int) -> tuple[list[Coordinates], list[Coordinates]]:
    """Registers that one instruction accesses, and those that say which instruction it is."""
    together = [place for place in bases.register if 0 < place[axis] < vector]
    return together, [place for place in bases.register if place not in together]


def _sums(steps: list[int]) -> Tensor:
    """Returns the sums of all subsets, the first step fastest: places of different bits never overlap."""
    sums = torch.zeros(1, dtype=torch.int64)
    for step in steps:
        sums = torch.cat((sums, sums + step))
    return sums
