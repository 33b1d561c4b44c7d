"""Loads and stores. Bounds are exact: lanes that are masked off never fault, others always do."""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Run, Step
from sandboxes.ttir.engine.values import Buffer, Conjunction, Sum, expand_together, materialise, shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.ir import Location
from sandboxes.ttir.memory.addressing import Layout, Request, check_bounds, layout, progression
from sandboxes.ttir.memory.pointers import requests

SMALL_BLOCK = 256
"""Elements below which writing program by program costs more than one scatter."""


# -- loads -----------------------------------------------------------------------------------------------------------


def gather(machine: Machine, request: Request, other: Tensor, location: Location, *, atomic: bool = False) -> Tensor:
    """Elements at the request's offsets, ``other`` where its masks do not hold; the sanitizer is told."""
    block = layout(request)
    if machine.watch is not None:
        machine.watch.loading(machine, request, block, location, atomic=atomic)
    return read_lanes(machine, request, block, other, location)


def read_lanes(machine: Machine, request: Request, block: Layout | None, other: Tensor, location: Location) -> Tensor:
    """Like `gather`, given the request's layout, and nobody is told."""
    if block is not None:
        if bool(block.inside.all()):
            return _composed(_read(request.buffer, block), block, request.shape, other)
        fast = torch.nonzero(block.inside).flatten()
        if request.masks and fast.numel() * 2 > block.inside.numel() > 1:
            return _split(machine, request, other, location, block.inside)
    return _gathered(machine, request, other, location)


def _split(machine: Machine, request: Request, other: Tensor, location: Location, inside: Tensor) -> Tensor:
    """Programs whose block is in bounds, then the few at the edge."""
    frame = machine.frame
    result: Tensor | None = None
    for index in (torch.nonzero(inside).flatten(), torch.nonzero(~inside).flatten()):
        machine.frame = frame.child(index)
        defaults = other if other.shape[0] == 1 else other.index_select(0, index)
        rows = request.rows(index)
        values = read_lanes(machine, rows, layout(rows), defaults, location)
        if result is None:
            result = torch.empty((inside.numel(), *request.shape), dtype=values.dtype)
        result[index] = values
    machine.frame = frame
    assert result is not None
    return result


def _read(buffer: Buffer, block: Layout) -> Tensor:
    """The block of every program, without a copy where programs follow a pattern and nobody writes the buffer."""
    data = buffer.data
    pattern = progression(block.start)
    if pattern is not None:
        sizes, steps = pattern
        if min(steps) >= 0 and min(block.strides, default=0) >= 0:
            view = data.as_strided((*sizes, *block.sizes), (*steps, *block.strides), int(block.start[0]))
            if len(sizes) == 2:
                return view.reshape(block.start.numel(), *block.sizes)
            return view.clone() if buffer.written else view
    reach = [(size - 1) * stride for size, stride in zip(block.sizes, block.strides, strict=True)]
    if min(block.strides, default=0) >= 0:
        rows = data.as_strided((data.numel() - sum(reach), *block.sizes), (1, *block.strides), 0)
        return rows[block.start]
    offsets = block.start.reshape(-1, *[1] * len(block.sizes))
    return data[offsets + _lanes(block)]


def _lanes(block: Layout) -> Tensor:
    """Offsets of a block's lanes from its start, shape ``(1, *sizes)``."""
    result = torch.zeros((1, *[1] * len(block.sizes)), dtype=torch.int64)
    for axis, (size, stride) in enumerate(zip(block.sizes, block.strides, strict=True)):
        shape = [1] * (len(block.sizes) + 1)
        shape[axis + 1] = size
        result = result + (torch.arange(size) * stride).reshape(shape)
    return result


def _composed(values: Tensor, block: Layout, shape: tuple[int, ...], other: Tensor) -> Tensor:
    """Puts the block into its window and ``other`` everywhere else."""
    cut = [i for i, (w, n) in enumerate(zip(block.windows, shape, strict=True)) if w != (0, n)]
    if cut:
        programs = max(values.shape[0], other.shape[0])
        sizes = [shape[i] if i in cut else max(values.shape[i + 1], other.shape[i + 1]) for i in range(len(shape))]
        if other.numel() == 1:
            full = torch.full((programs, *sizes), other.item(), dtype=values.dtype)
        else:
            full = other.expand(programs, *sizes).clone()
        inner = full
        for i in cut:
            inner = inner.narrow(i + 1, block.windows[i][0], block.windows[i][1] - block.windows[i][0])
        inner.copy_(values)
        values = full
    if block.rest:
        values = torch.where(materialise(Conjunction(block.rest)), values, other)
    return values


def _gathered(machine: Machine, request: Request, other: Tensor, location: Location) -> Tensor:
    offsets, mask = request.offsets(), request.mask()
    check_bounds(machine, request, offsets, mask, "load", location)
    if mask is not None:
        offsets = torch.where(mask, offsets, request.buffer.origin if request.buffer.data.numel() else 0)
        if not bool(mask.any()):
            return other
    values = request.buffer.data.index_select(0, offsets.reshape(-1)).reshape(offsets.shape)
    return values if mask is None else torch.where(mask, values, other)


def load(machine: Machine, step: Step) -> None:
    """``tl.load``."""
    pointer = machine.get(step.operands[0])
    if step.dtype is None:
        raise UnsupportedOperation("tt.load of pointers", step.operation.location)
    mask = machine.get(step.operands[1]) if len(step.operands) > 1 else None
    rank = len(step.shape)
    other = torch.zeros([1] * (1 + rank), dtype=step.dtype)
    if len(step.operands) > 2:
        other = machine.dense(step.operands[2])
    atomic = bool(step.operation.attributes.get("isVolatile", False))
    value = other
    for request in requests(machine, step, pointer, mask, step.shape, "load"):
        value = gather(machine, request, value, step.operation.location, atomic=atomic)
        machine.accessed(step, request, "load")
    machine.put(step.results[0], value)


# -- stores ----------------------------------------------------------------------------------------------------------


def scatter(machine: Machine, request: Request, value: Tensor, location: Location, *, atomic: bool = False) -> None:
    """Writes ``value`` (broadcast) to the request's offsets where its masks hold; the sanitizer is told before."""
    block = layout(request)
    if machine.watch is not None and atomic:
        machine.watch.updating(machine, request, location, wanted=False, reads=False)
    elif machine.watch is not None:
        machine.watch.storing(machine, request, block, value, location)
    write_lanes(machine, request, block, value, location)


def write_lanes(machine: Machine, request: Request, block: Layout | None, value: Tensor, location: Location) -> None:
    """Like `scatter`, given the request's layout, and nobody is told."""
    if block is not None:
        ready = block.inside
        for mask in block.rest:
            ready = ready & mask.reshape(mask.shape[0], -1).all(dim=1)
        if bool(ready.all()):
            if _write(request, block, value):
                return
        elif ready.numel() > 1 and int(torch.count_nonzero(ready)) * 2 > ready.numel() and block.rest:
            frame = machine.frame
            for index in (torch.nonzero(ready).flatten(), torch.nonzero(~ready).flatten()):
                machine.frame = frame.child(index)
                part = value if value.shape[0] == 1 else value.index_select(0, index)
                rows = request.rows(index)
                if index.numel() and bool(ready[index[0]]):
                    whole = _unmasked(rows, block)
                    write_lanes(machine, whole, layout(whole), part, location)
                else:
                    _scattered(machine, rows, part, location)
            machine.frame = frame
            return
    _scattered(machine, request, value, location)


def _unmasked(request: Request, block: Layout) -> Request:
    """The access without the masks that hold for all its lanes."""
    kept = tuple(m for m in request.masks if m.shape[0] == 1 and any(m is not r for r in block.rest))
    windows = tuple(m for m in kept if not bool(m.all()))
    return Request(request.buffer, request.terms, windows, request.shape)


def _write(request: Request, block: Layout, value: Tensor) -> bool:
    """Writes whole blocks; False if there is no fast way."""
    data = request.buffer.data
    pattern = progression(block.start)
    if any(stride <= 0 for stride, size in zip(block.strides, block.sizes, strict=True) if size > 1):
        return False  # lanes share elements
    for axis, (low, high) in enumerate(block.windows):
        if value.shape[axis + 1] > 1:
            size = block.sizes[axis]
            value = value.narrow(axis + 1, low if size == high - low else high - 1, size)
    if block.start.numel() == 1:
        value = value[-1:]  # every program writes the same block: the last one wins
    count = block.start.numel()
    if pattern is not None and (count == 1 or min(pattern[1]) > 0):
        sizes, steps = pattern
        view = data.as_strided((*sizes, *block.sizes), (*steps, *block.strides), int(block.start[0]))
        view.copy_(value.expand(count, *block.sizes).reshape(*sizes, *block.sizes))
        return True
    if torch.Size(block.sizes).numel() < SMALL_BLOCK:
        return False
    for row, start in enumerate(block.start.tolist()):
        view = data.as_strided(block.sizes, block.strides, start)
        view.copy_(value[row if value.shape[0] > 1 else 0])
    return True


def _scattered(machine: Machine, request: Request, value: Tensor, location: Location, kind: str = "store") -> None:
    offsets, mask = request.offsets(), request.mask()
    check_bounds(machine, request, offsets, mask, kind, location)
    if mask is not None:
        offsets, value, mask = expand_together(offsets, value, mask)
        offsets, value = offsets[mask], value[mask]
    else:
        offsets, value = expand_together(offsets, value)
    request.buffer.data[offsets.reshape(-1)] = value.reshape(-1)


def store(machine: Machine, step: Step) -> None:
    """``tl.store``."""
    pointer = machine.get(step.operands[0])
    if not isinstance(machine.get(step.operands[1]), Tensor | Sum | Conjunction):
        raise UnsupportedOperation("tt.store of pointers", step.operation.location)
    value = machine.dense(step.operands[1])
    mask = machine.get(step.operands[2]) if len(step.operands) > 2 else None
    shape = shape_of(step.operation.operands[0].type)
    for request in requests(machine, step, pointer, mask, shape, "store"):
        scatter(machine, request, value, step.operation.location)
        machine.accessed(step, request, "store")


RUN: dict[str, Run] = {"tt.load": load, "tt.store": store}
