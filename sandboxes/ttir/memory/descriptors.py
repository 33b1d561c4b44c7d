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
    machine.put(
        step.results[0], Descriptor(pointer, tuple(numbers[:rank]), tuple(numbers[rank : 2 * rank]), (), padding)
    )


def _block(
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


def _operand(machine: Machine, step: Step) -> tuple[Descriptor, tuple[int, ...]]:
    descriptor = machine.get(step.operands[0])
    kind = step.operation.operands[0].type
    if not isinstance(descriptor, Descriptor) or not isinstance(kind, DescriptorType):
        raise UnsupportedOperation(f"{step.operation.name} of this descriptor", step.operation.location)
    return descriptor, kind.block.shape


def descriptor_load(machine: Machine, step: Step) -> None:
    """Loads a block; what lies outside the tensor reads as zero (or NaN)."""
    descriptor, shape = _operand(machine, step)
    rank = len(shape)
    pointer, mask = _block(machine, step, descriptor, [machine.dense(i) for i in step.operands[1 : 1 + rank]], shape)
    fill = descriptor.padding if step.dtype is not None and step.dtype.is_floating_point else 0
    other = torch.full([1] * (rank + 1), fill, dtype=step.dtype)
    value = other
    for request in requests(machine, step, pointer, mask, shape, "load"):
        value = gather(machine, request, value, step.operation.location)
        if machine.tally is not None:
            machine.tally.accessed(machine, step, request, "load")
    if shape != step.shape:
        value = expanded(value, shape).reshape(value.shape[0], *step.shape)
    machine.put(step.results[0], value)


def _stored(machine: Machine, step: Step) -> tuple[Pointer | Addresses, Tensor | Conjunction, Tensor, tuple[int, ...]]:
    descriptor, shape = _operand(machine, step)
    rank = len(shape)
    value_first = step.operation.name == "tt.descriptor_reduce" and len(step.operation.groups) == 0
    position = 1 if value_first else 1 + rank
    indices = [machine.dense(i) for i in (step.operands[2 : 2 + rank] if value_first else step.operands[1 : 1 + rank])]
    value = machine.dense(step.operands[position])
    source = shape_of(step.operation.operands[position].type)
    if source != shape:
        value = expanded(value, source).reshape(value.shape[0], *shape)
    pointer, mask = _block(machine, step, descriptor, indices, shape)
    return pointer, mask, value, shape


def descriptor_store(machine: Machine, step: Step) -> None:
    """Stores a block; what lies outside the tensor is dropped."""
    pointer, mask, value, shape = _stored(machine, step)
    for request in requests(machine, step, pointer, mask, shape, "store"):
        scatter(machine, request, value, step.operation.location)
        if machine.tally is not None:
            machine.tally.accessed(machine, step, request, "store")


def descriptor_reduce(machine: Machine, step: Step) -> None:
    """Updates a block atomically."""
    pointer, mask, value, shape = _stored(machine, step)
    for request in requests(machine, step, pointer, mask, shape, "atomic"):
        update(machine, step, request, step.operation.keywords[0], value, wanted=False)


RUN: dict[str, Run] = {
    "tt.make_tensor_descriptor": make_descriptor,
    "tt.descriptor_load": descriptor_load,
    "tt.descriptor_store": descriptor_store,
    "tt.descriptor_reduce": descriptor_reduce,
}
