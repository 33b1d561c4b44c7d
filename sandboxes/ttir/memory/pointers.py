"""Pointers as values: moving them, reading them as other types and as numbers, and which buffers an access means.

A pointer that is a virtual address (`Addresses`) is looked up when it is used. The upper bits of an address name a
storage; the kernel may use it only as far as the dataflow of its text says that it uses that argument, so that an
address that was guessed, instead of computed from a pointer, is a fault.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import (
    SPACE_BITS,
    Addresses,
    Buffer,
    Conjunction,
    Pointer,
    RuntimeValue,
    Sum,
    add,
    addresses,
    conjunction,
    dtype_of,
    element_of,
    expand_together,
    materialise,
)
from sandboxes.ttir.errors import InvalidAddress, UnsupportedOperation
from sandboxes.ttir.ir import PointerType
from sandboxes.ttir.memory.addressing import Request, access


def addptr(step: Step, pointer: Pointer | Addresses, offset: Tensor | Sum) -> Pointer | Addresses:
    """Moves pointers by elements."""
    return moved(pointer, offset)


def moved(pointer: Pointer | Addresses, offset: Tensor | Sum) -> Pointer | Addresses:
    """Pointers further by ``offset`` elements, of any integer type."""
    if isinstance(pointer, Addresses):
        return Addresses(pointer.bytes + materialise(offset).to(torch.int64) * pointer.dtype.itemsize, pointer.dtype)
    wide: Tensor | Sum
    if isinstance(offset, Sum):
        wide = Sum(tuple(term.to(torch.int64) for term in offset.terms))
    else:
        wide = materialise(offset).to(torch.int64)
    return Pointer(pointer.buffer, add(pointer.offset, wide))


def pointee_of(step: Step) -> torch.dtype:
    """What the pointers that ``step`` makes point at."""
    element = element_of(step.operation.results[0].type)
    dtype = dtype_of(element.pointee) if isinstance(element, PointerType) else None
    if dtype is None:
        raise UnsupportedOperation(f"{step.operation.name} to {element}", step.operation.location)
    return dtype


def cast(step: Step, value: Pointer | Addresses) -> Pointer | Addresses:
    """``tt.bitcast``: the same addresses with elements of another type."""
    dtype = pointee_of(step)
    if isinstance(value, Addresses):
        return Addresses(value.bytes, dtype)
    size = value.buffer.data.element_size()
    if size == dtype.itemsize:
        return Pointer(value.buffer.viewed(dtype), value.offset)
    offset = materialise(value.offset) * size
    if bool((offset % dtype.itemsize).any()):
        return Addresses(addresses(value), dtype)
    return Pointer(value.buffer.viewed(dtype), torch.div(offset, dtype.itemsize, rounding_mode="floor"))


def choose(condition: Tensor, a: Pointer | Addresses, b: Pointer | Addresses) -> Pointer | Addresses:
    """``a`` where the condition holds, else ``b``."""
    if condition.numel() == 1:
        return a if condition.item() else b
    if isinstance(a, Pointer) and isinstance(b, Pointer) and a.buffer is b.buffer:
        return Pointer(a.buffer, torch.where(condition, materialise(a.offset), materialise(b.offset)))
    dtype = a.buffer.data.dtype if isinstance(a, Pointer) else a.dtype
    return Addresses(torch.where(condition, addresses(a), addresses(b)), dtype)


def ptr_to_int(step: Step, value: Pointer | Addresses) -> Tensor:
    """Virtual addresses as numbers."""
    return addresses(value)


def int_to_ptr(step: Step, value: Tensor | Sum) -> Addresses:
    """Numbers as virtual addresses."""
    return Addresses(materialise(value), pointee_of(step))


def over_addresses(machine: Machine, step: Step) -> None:
    """An operation that moves elements, on pointers: it moves their addresses."""
    assert step.compute is not None
    values = [machine.get(i) for i in step.operands]
    numbers = [addresses(v) if isinstance(v, Pointer | Addresses) else materialise(v) for v in values]
    result = step.compute(step, *numbers)
    dtype = pointee_of(step)
    for index, tensor in zip(step.results, result if isinstance(result, tuple) else (result,), strict=True):
        machine.put(index, Addresses(tensor, dtype))


# -- use -------------------------------------------------------------------------------------------------------------


def requests(
    machine: Machine, step: Step, pointer: RuntimeValue, mask: RuntimeValue | None, shape: tuple[int, ...], kind: str
) -> list[Request]:
    """One access per buffer that active lanes point into; their masks do not overlap.

    Args:
        machine: Where the step runs.
        step: The memory operation.
        pointer: Its first operand.
        mask: Lanes that are active; None for all.
        shape: Of the operation's tensors.
        kind: ``load``, ``store`` or ``atomic``.

    Raises:
        InvalidAddress: an active lane's address is in no buffer that the kernel may use so, or not aligned.
        UnsupportedOperation: the operand is no pointer, or the mask no mask.
    """
    if not isinstance(pointer, Pointer | Addresses) or not isinstance(mask, Tensor | Conjunction | None):
        raise UnsupportedOperation(f"{step.operation.name} through this pointer", step.operation.location)
    if isinstance(pointer, Pointer):
        request = access(pointer, mask, shape)
        return [request] if request is not None else []
    spaces = pointer.bytes >> SPACE_BITS
    used = spaces
    if mask is not None:
        used, active = expand_together(spaces, materialise(mask))
        used = used[active]
    found: list[Request] = []
    present = torch.unique(used).tolist()
    for space in present:
        here = spaces == space
        chosen = mask if len(present) == 1 else conjunction(here, here if mask is None else mask)
        buffer = machine.spaces.get(space)
        if buffer is None or not (buffer.read if kind == "load" else buffer.written):
            raise _invalid(machine, step, f"invalid {kind}", pointer, here, mask, shape, buffer)
        distance = pointer.bytes - buffer.address
        size = pointer.dtype.itemsize
        odd = here & (distance % size != 0)
        if size > 1 and bool(odd.any()) and (mask is None or bool((odd & materialise(mask)).any())):
            raise _invalid(machine, step, f"misaligned {kind}", pointer, odd, mask, shape, buffer)
        offset = torch.div(distance, size, rounding_mode="floor")
        request = access(Pointer(buffer.viewed(pointer.dtype), offset), chosen, shape)
        if request is not None:
            found.append(request)
    return found


def _invalid(
    machine: Machine,
    step: Step,
    kind: str,
    pointer: Addresses,
    bad: Tensor,
    mask: Tensor | Conjunction | None,
    shape: tuple[int, ...],
    buffer: Buffer | None,
) -> InvalidAddress:
    """The fault of the first lane that is ``bad`` and active."""
    if mask is not None:
        bad = bad & materialise(mask)
    where = torch.nonzero(bad)[0].tolist()
    lane = 0
    for position, size in zip(where[1:], shape, strict=True):
        lane = lane * size + position
    spot = tuple(min(p, s - 1) for p, s in zip(where, pointer.bytes.shape, strict=True))
    place = machine.where(step.operation.location, where[0], lane)
    address, size = int(pointer.bytes[spot]), pointer.dtype.itemsize
    if buffer is None or (kind.startswith("invalid") and not 0 <= address - buffer.address < buffer.data.nbytes):
        return InvalidAddress(place, kind, size, distance=address)
    skipped = buffer.origin * buffer.data.element_size()
    return InvalidAddress(
        place, kind, size, buffer.name, address - buffer.address - skipped, buffer.data.nbytes - skipped
    )


LAZY: dict[str, Callable[..., Any]] = {
    "tt.addptr": addptr,
    "tt.ptr_to_int": ptr_to_int,
    "tt.int_to_ptr": int_to_ptr,
}
