"""Atomic updates in a fixed order: programs by id, lanes in row-major order, so that results are reproducible."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Run, Step
from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.memory.addressing import Request, check_bounds
from sandboxes.ttir.memory.pointers import requests
from sandboxes.ttir.memory.transfers import gather, scatter

_SIGN = {torch.int32: -(2**31), torch.int64: -(2**63)}


def _unsigned_max(a: Tensor, b: Tensor) -> Tensor:
    return torch.where((a ^ _SIGN[a.dtype]) >= (b ^ _SIGN[a.dtype]), a, b)


def _unsigned_min(a: Tensor, b: Tensor) -> Tensor:
    return torch.where((a ^ _SIGN[a.dtype]) <= (b ^ _SIGN[a.dtype]), a, b)


def _increment(old: Tensor, limit: Tensor) -> Tensor:
    """One more, 0 after the limit."""
    return torch.where((old ^ _SIGN[old.dtype]) >= (limit ^ _SIGN[old.dtype]), 0, old + 1)


def _decrement(old: Tensor, limit: Tensor) -> Tensor:
    """One less, the limit after 0."""
    beyond = (old == 0) | ((old ^ _SIGN[old.dtype]) > (limit ^ _SIGN[old.dtype]))
    return torch.where(beyond, limit, old - 1)


COMBINE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "fadd": torch.add,
    "max": torch.maximum,
    "min": torch.minimum,
    "umax": _unsigned_max,
    "umin": _unsigned_min,
    "and": torch.bitwise_and,
    "or": torch.bitwise_or,
    "xor": torch.bitwise_xor,
    "exch": lambda old, new: new,
    "inc": _increment,
    "dec": _decrement,
}


def _rounds(offsets: Tensor) -> Iterator[Tensor]:
    """Positions in rounds such that no round names an offset twice and equal offsets keep their order."""
    order = torch.argsort(offsets, stable=True)
    ordered = offsets[order]
    count = ordered.numel()
    fresh = torch.ones(count, dtype=torch.bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    starts = torch.cummax(torch.where(fresh, torch.arange(count), 0), dim=0).values
    rank = torch.arange(count) - starts
    by_rank = order[torch.argsort(rank, stable=True)]
    sizes = torch.bincount(rank)
    first = 0
    for some in range(0, sizes.numel(), 1024):  # there may be as many rounds as lanes: never hold them all
        for size in sizes[some : some + 1024].tolist():
            yield by_rank[first : first + size]
            first += size


def _turns(machine: Machine, step: Step, offsets: Tensor) -> Iterator[Tensor]:
    """The rounds, each of which counts as an operation: there may be as many as lanes."""
    for chunk in _rounds(offsets):
        machine.budget.spend(1, step.operation.location)
        yield chunk


def _prefix_add(data: Tensor, offsets: Tensor, values: Tensor) -> Tensor:
    """Adds in order; returns what each addition found."""
    order = torch.argsort(offsets, stable=True)
    ordered, amounts = offsets[order], values[order]
    before = torch.cumsum(amounts, dim=0, dtype=amounts.dtype) - amounts
    fresh = torch.ones(ordered.numel(), dtype=torch.bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    first = torch.cummax(torch.where(fresh, torch.arange(ordered.numel()), 0), dim=0).values
    found = torch.empty_like(values)
    found[order] = data[ordered] + before - before[first]
    data.index_add_(0, offsets, values)
    return found


def _apply(
    machine: Machine, step: Step, data: Tensor, offsets: Tensor, values: Tensor, name: str, *, wanted: bool
) -> Tensor | None:
    if name in ("add", "fadd"):
        if not wanted:
            data.index_add_(0, offsets, values)
            return None
        if not values.is_floating_point():
            return _prefix_add(data, offsets, values)
    if name in ("max", "min") and not wanted and not values.is_floating_point():
        data.scatter_reduce_(0, offsets, values, "amax" if name == "max" else "amin")
        return None
    found = torch.empty_like(values)
    for chunk in _turns(machine, step, offsets):
        where = offsets[chunk]
        old = data[where]
        found[chunk] = old
        data[where] = COMBINE[name](old, values[chunk])
    return found


def update(machine: Machine, step: Step, request: Request, name: str, value: Tensor, *, wanted: bool) -> Tensor | None:
    """Updates the active lanes; gives the old values at full shape if ``wanted``."""
    if name not in COMBINE:
        raise UnsupportedOperation(f"{step.operation.name} {name}", step.operation.location)
    offsets, mask = request.offsets(), request.mask()
    check_bounds(machine, request, offsets, mask, "atomic", step.operation.location)
    if machine.watch is not None:
        machine.watch.updating(machine, request, step.operation.location, wanted=wanted, reads=wanted or name != "exch")
    full = (machine.frame.size, *request.shape)
    active = torch.ones(full, dtype=torch.bool) if mask is None else mask.expand(full)
    flat_offsets, flat_values = offsets.expand(full)[active], value.expand(full)[active]
    found = _apply(machine, step, request.buffer.data, flat_offsets, flat_values, name, wanted=wanted)
    machine.accessed(step, request, "atomic")
    if not wanted or found is None:
        return None
    result = torch.zeros(full, dtype=value.dtype)
    result[active] = found
    return result


def _wanted(machine: Machine, step: Step) -> bool:
    return bool(step.results) and step.results[0] not in step.frees


def atomic_rmw(machine: Machine, step: Step) -> None:
    """``tl.atomic_add`` and kin."""
    value = machine.dense(step.operands[1])
    mask = machine.get(step.operands[2]) if len(step.operands) > 2 else None
    shape = shape_of(step.operation.operands[0].type)
    found = torch.zeros([1] * (1 + len(shape)), dtype=value.dtype)
    for request in requests(machine, step, machine.get(step.operands[0]), mask, shape, "atomic"):
        name = step.operation.keywords[0]
        part = update(machine, step, request, name, value, wanted=_wanted(machine, step))
        if part is not None:
            found = merged(request, part, found)
    if step.results:
        machine.put(step.results[0], found)


def merged(request: Request, part: Tensor, rest: Tensor) -> Tensor:
    """``part`` where the request is active, elsewhere what other requests of the same operation gave."""
    mask = request.mask()
    return part if mask is None else torch.where(mask, part, rest)


def _bits(x: Tensor) -> Tensor:
    """What ``atom.cas`` compares: NaN equals itself, and the zeros differ."""
    return x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()])


def atomic_cas(machine: Machine, step: Step) -> None:
    """``tl.atomic_cas``: compare and swap, one lane after the other."""
    shape = shape_of(step.operation.operands[0].type)
    full = (machine.frame.size, *shape)
    expected, new = (machine.dense(i).expand(full) for i in step.operands[1:3])
    result = torch.zeros(full, dtype=new.dtype)
    for request in requests(machine, step, machine.get(step.operands[0]), None, shape, "atomic"):
        offsets, mask = request.offsets(), request.mask()
        check_bounds(machine, request, offsets, mask, "atomic", step.operation.location)
        if machine.watch is not None:
            wanted = _wanted(machine, step)
            machine.watch.updating(machine, request, step.operation.location, wanted=wanted, reads=True)
        active = torch.ones(full, dtype=torch.bool) if mask is None else mask.expand(full)
        swapped = _swap(machine, step, request.buffer.data, offsets.expand(full)[active], expected[active], new[active])
        result[active] = swapped
        machine.accessed(step, request, "atomic")
    if step.results:
        machine.put(step.results[0], result)


def _swap(machine: Machine, step: Step, data: Tensor, where: Tensor, expected: Tensor, new: Tensor) -> Tensor:
    """Compares and swaps in order; returns what each lane found."""
    found = torch.empty_like(new)
    for chunk in _turns(machine, step, where):
        old = data[where[chunk]]
        found[chunk] = old
        data[where[chunk]] = torch.where(_bits(old) == _bits(expected[chunk]), new[chunk], old)
    return found


def atomic_load(machine: Machine, step: Step) -> None:
    """``tl.atomic_load``: a load that nothing tears; 0 where the mask does not hold."""
    value = torch.zeros([1] * (1 + len(step.shape)), dtype=step.dtype)
    mask = machine.get(step.operands[1])
    for request in requests(machine, step, machine.get(step.operands[0]), mask, step.shape, "load"):
        value = gather(machine, request, value, step.operation.location, atomic=True)
        machine.accessed(step, request, "load")
    machine.put(step.results[0], value)


def atomic_store(machine: Machine, step: Step) -> None:
    """``tl.atomic_store``: a store that nothing tears."""
    value, mask = machine.dense(step.operands[1]), machine.get(step.operands[2])
    for request in requests(machine, step, machine.get(step.operands[0]), mask, step.shape, "store"):
        scatter(machine, request, value, step.operation.location, atomic=True)
        machine.accessed(step, request, "store")


def atomic_poll(machine: Machine, step: Step) -> None:
    """``tl.atomic_poll``: whether memory holds the expected value, false when time is up.

    Programs of such a kernel run one after the other, by id. Without a time limit, one that waits for a later program
    would wait forever.
    """
    expected = machine.dense(step.operands[1])
    found = torch.zeros_like(expected[:1])
    for request in requests(machine, step, machine.get(step.operands[0]), None, step.shape, "load"):
        found = gather(machine, request, found, step.operation.location, atomic=True)
        machine.accessed(step, request, "load")
    arrived = found == expected
    if len(step.operands) < 3 and not bool(arrived.all()):
        raise UnsupportedOperation("tt.atomic_poll that waits for a program with a larger id", step.operation.location)
    machine.put(step.results[0], arrived)


RUN: dict[str, Run] = {
    "tt.atomic_rmw": atomic_rmw,
    "tt.atomic_cas": atomic_cas,
    "tt.atomic_load": atomic_load,
    "tt.atomic_store": atomic_store,
    "tt.atomic_poll": atomic_poll,
}
