"""Tensor descriptors (TMA): block loads and stores that the hardware clips to the tensor's shape."""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Run, Step
from sandboxes.ttir.engine.values import Addresses, Conjunction, Descriptor, Pointer, Sum, add, shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.ir import DescriptorType
from sandboxes.ttir.memory.atomics import update
from sandboxes.ttir.memory.pointers import moved, requests
from sandboxes.ttir.memory.transfers import gather, scatter
from sandboxes.ttir.operations.shapes import expanded, map_terms


def make_descriptor(machine: Machine, step: Step) -> None:
    """``tl.make_tensor_descriptor(pointer, shape, strides, block)``."""
    pointer = machine.get(step.operands[0])
    assert isinstance(pointer, Pointer | Addresses)
    rank = step.operation.groups[0]
    numbers = [machine.dense(i).to(torch.int64) for i in step.operands[1:]]
    padding = float("nan") if "nan" in str(step.operation.attributes.get("padding", "")) else 0.0
    if step.operation.attributes.get("padding") == 2:
        padding = float("nan")
    descriptor = Descriptor(pointer, tuple(numbers[:rank]), tuple(numbers[rank : 2 * rank]), (), padding)
    kind = step.operation.results[0].type
    if machine.watch is not None and isinstance(kind, DescriptorType):
        machine.watch.describing(machine, descriptor, kind.block.shape, step.operation.location)
    machine.put(step.results[0], descriptor)


def block_pointers(
    machine: Machine, step: Step, descriptor: Descriptor, indices: list[Tensor], shape: tuple[int, ...]
) -> tuple[Pointer | Addresses, Tensor | Conjunction]:
    """Pointers to the block at ``indices`` and the mask of what lies inside the tensor."""
    rank = len(shape)
    start = map_terms(descriptor.pointer, lambda t: t.reshape(t.shape[0], *[1] * rank))
    assert isinstance(start, Pointer | Addresses)
    total: Tensor | Sum = torch.zeros([1] * (rank + 1), dtype=torch.int64)
    masks = []
    for axis in range(rank):
        lane_shape = [1] * (rank + 1)
        lane_shape[axis + 1] = shape[axis]
        first = indices[axis].to(torch.int64).reshape(-1, *[1] * rank)
        position = first + torch.arange(shape[axis]).reshape(lane_shape)
        size = descriptor.shape[axis].reshape(-1, *[1] * rank)
        masks.append((position >= 0) & (position < size))
        total = add(total, position * descriptor.strides[axis].reshape(-1, *[1] * rank))
    return moved(start, total), Conjunction(tuple(masks))


def described(machine: Machine, step: Step) -> tuple[Descriptor, tuple[int, ...]]:
    """The descriptor that an operation uses, and the shape of its blocks."""
    descriptor = machine.get(step.operands[0])
    kind = step.operation.operands[0].type
    if not isinstance(descriptor, Descriptor) or not isinstance(kind, DescriptorType):
        raise UnsupportedOperation(f"{step.operation.name} of this descriptor", step.operation.location)
    return descriptor, kind.block.shape


def _load(
    machine: Machine, step: Step, pointer: Pointer | Addresses, mask: Tensor | Conjunction, shape: tuple[int, ...]
) -> Tensor:
    """The elements behind ``pointer``, the descriptor's padding where ``mask`` does not hold."""
    descriptor = machine.get(step.operands[0])
    assert isinstance(descriptor, Descriptor)
    fill = descriptor.padding if step.dtype is not None and step.dtype.is_floating_point else 0
    value = torch.full([1] * (len(shape) + 1), fill, dtype=step.dtype)
    for request in requests(machine, step, pointer, mask, shape, "load"):
        value = gather(machine, request, value, step.operation.location)
        machine.accessed(step, request, "load")
    return value


def _store(
    machine: Machine,
    step: Step,
    pointer: Pointer | Addresses,
    mask: Tensor | Conjunction,
    value: Tensor,
    shape: tuple[int, ...],
) -> None:
    for request in requests(machine, step, pointer, mask, shape, "store"):
        scatter(machine, request, value, step.operation.location)
        machine.accessed(step, request, "store")


def descriptor_load(machine: Machine, step: Step) -> None:
    """Loads a block; what lies outside the tensor reads as zero (or NaN)."""
    descriptor, shape = described(machine, step)
    indices = [machine.dense(i) for i in step.operands[1 : 1 + len(shape)]]
    pointer, mask = block_pointers(machine, step, descriptor, indices, shape)
    value = _load(machine, step, pointer, mask, shape)
    if shape != step.shape:
        value = expanded(value, shape).reshape(value.shape[0], *step.shape)
    machine.put(step.results[0], value)


def _stored(machine: Machine, step: Step) -> tuple[Pointer | Addresses, Tensor | Conjunction, Tensor, tuple[int, ...]]:
    descriptor, shape = described(machine, step)
    position = 1 + len(shape)
    indices = [machine.dense(i) for i in step.operands[1:position]]
    value = machine.dense(step.operands[position])
    source = shape_of(step.operation.operands[position].type)
    if source != shape:
        value = expanded(value, source).reshape(value.shape[0], *shape)
    pointer, mask = block_pointers(machine, step, descriptor, indices, shape)
    return pointer, mask, value, shape


def descriptor_store(machine: Machine, step: Step) -> None:
    """Stores a block; what lies outside the tensor is dropped."""
    pointer, mask, value, shape = _stored(machine, step)
    _store(machine, step, pointer, mask, value, shape)


def descriptor_reduce(machine: Machine, step: Step) -> None:
    """Updates a block atomically; only the descriptor knows whether its integers have a sign."""
    pointer, mask, value, shape = _stored(machine, step)
    name = step.operation.keywords[0]
    kind = step.operation.operands[0].type
    if isinstance(kind, DescriptorType) and kind.unsigned and name in ("max", "min"):
        name = f"u{name}"
    for request in requests(machine, step, pointer, mask, shape, "atomic"):
        update(machine, step, request, name, value, wanted=False)


def picked_rows(machine: Machine, step: Step) -> tuple[Pointer | Addresses, Conjunction, tuple[int, ...]]:
    """Pointers to the rows that an index tensor names, from one column on, and the mask of what lies inside."""
    descriptor, block = described(machine, step)
    start = map_terms(descriptor.pointer, lambda t: t.reshape(-1, 1, 1))
    assert isinstance(start, Pointer | Addresses)
    rows = machine.dense(step.operands[1]).to(torch.int64).unsqueeze(2)
    columns = machine.dense(step.operands[2]).to(torch.int64).reshape(-1, 1, 1) + torch.arange(block[1])
    sizes, strides = ([t.reshape(-1, 1, 1) for t in group] for group in (descriptor.shape, descriptor.strides))
    inside = ((rows >= 0) & (rows < sizes[0]), (columns >= 0) & (columns < sizes[1]))
    total = add(rows * strides[0], columns * strides[1])
    shape = (*shape_of(step.operation.operands[1].type), block[1])
    return moved(start, total), Conjunction(inside), shape


def descriptor_gather(machine: Machine, step: Step) -> None:
    """Loads rows by index; what lies outside the tensor reads as zero (or NaN)."""
    pointer, mask, shape = picked_rows(machine, step)
    machine.put(step.results[0], _load(machine, step, pointer, mask, shape))


def descriptor_scatter(machine: Machine, step: Step) -> None:
    """Stores rows by index; what lies outside the tensor is dropped."""
    pointer, mask, shape = picked_rows(machine, step)
    _store(machine, step, pointer, mask, machine.dense(step.operands[3]), shape)


RUN: dict[str, Run] = {
    "tt.make_tensor_descriptor": make_descriptor,
    "tt.descriptor_load": descriptor_load,
    "tt.descriptor_store": descriptor_store,
    "tt.descriptor_reduce": descriptor_reduce,
    "tt.descriptor_gather": descriptor_gather,
    "tt.descriptor_scatter": descriptor_scatter,
}
