"""Which memory an access touches: offsets, masks, and the strided block they form if they form one.

Gathers are slow and most kernels do not need them: their offsets are ``base[program] + i * stride_i + j * stride_j``
and their masks cut a box out of the block. Both facts are verified here, exactly, on the low-rank terms; only what
fails the test goes through per-element indices.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.values import Buffer, Conjunction, Pointer, Sum, extremes, materialise
from sandboxes.ttir.errors import MemoryFault
from sandboxes.ttir.ir import Location

Window = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What one memory operation of the active programs asks for."""

    buffer: Buffer
    terms: tuple[Tensor, ...]
    """int64 offsets, as a sum."""
    masks: tuple[Tensor, ...]
    """Conditions that all must hold; empty if every lane is active."""
    shape: tuple[int, ...]

    def rows(self, index: Tensor) -> "Request":
        """The request of a subset of the programs."""
        terms, masks = (
            tuple(t if t.shape[0] == 1 else t.index_select(0, index) for t in group)
            for group in (self.terms, self.masks)
        )
        return Request(self.buffer, terms, masks, self.shape)

    def offsets(self) -> Tensor:
        """All offsets."""
        return materialise(Sum(self.terms))

    def mask(self) -> Tensor | None:
        """The whole mask, None if every lane is active."""
        return materialise(Conjunction(self.masks)) if self.masks else None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A strided block per program: ``start[p] + sum(i_k * strides[k])`` for ``i_k < sizes[k]``."""

    start: Tensor
    strides: tuple[int, ...]
    sizes: tuple[int, ...]
    windows: tuple[Window, ...]
    """Per axis, the lanes that the block holds out of all lanes of the type."""
    inside: Tensor
    """Per program, whether the whole block is in bounds."""
    rest: tuple[Tensor, ...]
    """Masks that are not windows."""


def access(pointer: Pointer, mask: Tensor | Conjunction | None, shape: tuple[int, ...]) -> Request | None:
    """The request through ``pointer`` where ``mask`` holds, None if it holds nowhere."""
    masks: list[Tensor] = []
    if mask is not None:
        for term in mask.terms if isinstance(mask, Conjunction) else (mask,):
            flags = term.numpy()  # numpy's any and all stop at the first lane that decides
            if not flags.any():
                return None
            if not flags.all():
                masks.append(term)
    offset = pointer.offset
    terms = offset.terms if isinstance(offset, Sum) else (offset,)
    return Request(pointer.buffer, terms, tuple(masks), shape)


def layout(request: Request) -> Layout | None:
    """The strided block behind an access, None if it is none."""
    windows = [(0, size) for size in request.shape]
    rest = []
    for mask in request.masks:
        window = _window(mask)
        if window is None:
            rest.append(mask)
            continue
        axis, low, high = window
        windows[axis] = (max(low, windows[axis][0]), min(high, windows[axis][1]))
        if windows[axis][0] >= windows[axis][1]:
            return None
    strides = [0] * len(request.shape)
    start = torch.zeros(1, dtype=torch.int64)
    for term in request.terms:
        for axis in range(1, term.dim()):
            if term.shape[axis] > 1:
                stride = _stride(term, axis)
                if stride is None:
                    return None
                strides[axis - 1] += stride
        start = start + term.reshape(term.shape[0], -1)[:, 0]
    sizes = []
    for axis, (low, high) in enumerate(windows):
        spans = any(t.shape[axis + 1] > 1 for t in request.terms)
        if not spans and (low, high) == (0, request.shape[axis]):
            high = windows[axis][0] + 1  # the same element for all lanes: keep the axis lazy
        sizes.append(high - low)
    start = start + sum(low * stride for (low, _), stride in zip(windows, strides, strict=True))
    reach = [(size - 1) * stride for size, stride in zip(sizes, strides, strict=True)]
    below, above = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach)
    inside = (start + below >= 0) & (start + above < request.buffer.data.numel())
    return Layout(start, tuple(strides), tuple(sizes), tuple(windows), inside, tuple(rest))


def _window(mask: Tensor) -> tuple[int, int, int] | None:
    """``(axis, low, high)`` if the mask is one run of lanes along one axis, the same for all programs."""
    spanned = [axis for axis in range(mask.dim()) if mask.shape[axis] > 1]
    if len(spanned) != 1 or spanned[0] == 0:
        return None
    lanes = torch.nonzero(mask.flatten()).flatten()
    if lanes.numel() == 0:
        return None
    low, high = int(lanes[0]), int(lanes[-1]) + 1
    return (spanned[0] - 1, low, high) if high - low == lanes.numel() else None


def _stride(term: Tensor, axis: int) -> int | None:
    """The constant difference along ``axis``, None if there is none."""
    first = term.select(axis, 1) - term.select(axis, 0)
    stride = int(first.flatten()[0])
    if not bool((first == stride).all()):
        return None
    if term.shape[axis] == 2:
        return stride
    count = term.shape[axis] - 1
    return stride if bool((term.narrow(axis, 1, count) - term.narrow(axis, 0, count) == stride).all()) else None


def check_bounds(
    machine: Machine, request: Request, offsets: Tensor, mask: Tensor | None, kind: str, location: Location
) -> None:
    """Raises `MemoryFault` for the first active lane outside the buffer."""
    limit = request.buffer.data.numel()
    low, high = extremes(offsets)
    if low >= 0 and high < limit:
        return
    bad = (offsets < 0) | (offsets >= limit)
    if mask is not None:
        bad = bad & mask
    if not bool(bad.any()):
        return
    where = torch.nonzero(bad)[0].tolist()
    lane = 0
    for position, size in zip(where[1:], request.shape, strict=True):
        lane = lane * size + position
    spot = tuple(min(p, s - 1) for p, s in zip(where, offsets.shape, strict=True))
    origin = request.buffer.origin
    raise MemoryFault(
        machine.where(location, where[0], lane),
        f"out-of-bounds {kind}",
        request.buffer.name,
        int(offsets[spot]) - origin,
        limit - origin,
    )


def progression(start: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Sizes and steps of a one- or two-level arithmetic progression that ``start`` is, None if it is none."""
    count = start.numel()
    if count == 1:
        return (1,), (0,)
    step = int(start[1] - start[0])
    changes = torch.nonzero(start[1:] - start[:-1] != step).flatten()
    if not changes.numel():
        return (count,), (step,)
    inner = int(changes[0]) + 1
    if count % inner:
        return None
    table = start.reshape(-1, inner)
    outer = int(table[1, 0] - table[0, 0])
    rows = torch.arange(table.shape[0])[:, None] * outer + torch.arange(inner)[None, :] * step + start[0]
    return ((table.shape[0], inner), (outer, step)) if bool((rows == table).all()) else None
