"""Operations that move elements without computing: mostly free, because axes of equal values stay size 1."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import (
    Addresses,
    Conjunction,
    Pointer,
    RuntimeValue,
    Sum,
    expand_together,
    materialise,
    shape_of,
)
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.memory import pointers
from sandboxes.ttir.operations.arithmetic import select as select_tensor


def map_terms(value: RuntimeValue, function: Callable[[Tensor], Tensor]) -> RuntimeValue:
    """Applies a shape-only function to a value in whatever form it is."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Sum):
        return Sum(tuple(function(term) for term in value.terms))
    if isinstance(value, Conjunction):
        return Conjunction(tuple(function(term) for term in value.terms))
    if isinstance(value, Pointer):
        offset = map_terms(value.offset, function)
        assert isinstance(offset, Tensor | Sum)
        return Pointer(value.buffer, offset)
    if isinstance(value, Addresses):
        return Addresses(function(value.bytes), value.dtype)
    raise TypeError("a descriptor has no lanes")


def map_dense(value: RuntimeValue, function: Callable[[Tensor], Tensor]) -> RuntimeValue:
    """Applies a function that needs the full tensor."""
    if isinstance(value, Pointer):
        return Pointer(value.buffer, function(materialise(value.offset)))
    if isinstance(value, Addresses):
        return Addresses(function(value.bytes), value.dtype)
    return function(materialise(value))


def splat(step: Step, value: RuntimeValue) -> RuntimeValue:
    """One scalar for all lanes: size 1 along every axis."""
    rank = len(step.shape)
    return map_terms(value, lambda t: t.reshape(t.shape[0], *[1] * rank))


def broadcast(step: Step, value: RuntimeValue) -> RuntimeValue:
    """Nothing to do: axes of size 1 already broadcast."""
    return value


def expand_dims(step: Step, value: RuntimeValue) -> RuntimeValue:
    """Adds an axis of size 1."""
    axis = int(str(step.operation.attributes["axis"])) + 1
    return map_terms(value, lambda t: t.unsqueeze(axis))


def expanded(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The tensor with every lazy axis at full size (a view)."""
    return tensor.expand(tensor.shape[0], *shape)


def reshape(step: Step, value: RuntimeValue) -> RuntimeValue:
    """Row-major reshape."""
    source = shape_of(step.operation.operands[0].type)

    def apply(tensor: Tensor) -> Tensor:
        if tensor.numel() == tensor.shape[0]:
            return tensor.reshape(tensor.shape[0], *[1] * len(step.shape))
        return expanded(tensor, source).reshape(tensor.shape[0], *step.shape)

    return map_dense(value, apply)


def trans(step: Step, value: RuntimeValue) -> RuntimeValue:
    """Permutes axes."""
    order = step.operation.attributes["order"]
    assert isinstance(order, tuple)
    axes = [0, *(int(str(axis)) + 1 for axis in order)]
    return map_terms(value, lambda t: t.permute(axes))


def _full(step: Step, position: int, value: Tensor) -> Tensor:
    return expanded(value, shape_of(step.operation.operands[position].type))


def cat(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Concatenates along the first axis."""
    x, y = _full(step, 0, a), _full(step, 1, b)
    programs = max(x.shape[0], y.shape[0])
    return torch.cat([x.expand(programs, *x.shape[1:]), y.expand(programs, *y.shape[1:])], dim=1)


def join(step: Step, a: Tensor, b: Tensor) -> Tensor:
    """Stacks two tensors along a new last axis."""
    x, y = expand_together(_full(step, 0, a), _full(step, 1, b))
    return torch.stack([x, y], dim=-1)


def split(step: Step, a: Tensor) -> tuple[Tensor, Tensor]:
    """Undoes `join`."""
    full = _full(step, 0, a)
    return full[..., 0], full[..., 1]


def gather(step: Step, source: Tensor, index: Tensor) -> Tensor:
    """Picks elements along one axis by index."""
    axis = int(str(step.operation.attributes["axis"])) + 1
    x, i = _full(step, 0, source), _full(step, 1, index).to(torch.int64)
    programs = max(x.shape[0], i.shape[0])
    x, i = x.expand(programs, *x.shape[1:]), i.expand(programs, *i.shape[1:])
    return torch.gather(x, axis, i.clamp(0, x.shape[axis] - 1))


def histogram(step: Step, source: Tensor, mask: Tensor | None = None) -> Tensor:
    """Counts values per bin, per program."""
    bins = step.shape[0]
    values = _full(step, 0, source).to(torch.int64)
    inside = (values >= 0) & (values < bins)
    if mask is not None:
        inside = inside & mask
    values, inside = expand_together(values, inside)
    result = torch.zeros((values.shape[0], bins), dtype=torch.int32)
    return result.scatter_add_(1, torch.where(inside, values, 0), inside.to(torch.int32))


def bitcast(step: Step, value: RuntimeValue) -> RuntimeValue:
    """Same bits, other type; also for pointers."""
    if isinstance(value, Pointer | Addresses):
        return pointers.cast(step, value)
    assert step.dtype is not None
    tensor = materialise(value)
    if tensor.dtype == torch.bool or step.dtype == torch.bool:
        return tensor.to(step.dtype)
    return tensor.contiguous().view(step.dtype)


def select(step: Step, condition: Any, a: Any, b: Any) -> RuntimeValue:
    """``arith.select`` for values of any form."""
    chosen = materialise(condition)
    chosen = chosen.reshape(
        *chosen.shape, *[1] * (1 + len(step.shape) - chosen.dim())
    )  # a scalar chooses whole tensors
    if isinstance(a, Pointer | Addresses) and isinstance(b, Pointer | Addresses):
        return pointers.choose(chosen, a, b)
    if not isinstance(a, Tensor | Sum | Conjunction) or not isinstance(b, Tensor | Sum | Conjunction):
        raise UnsupportedOperation("arith.select of descriptors", step.operation.location)
    return select_tensor(step, chosen, materialise(a), materialise(b))


def make_range(step: Step) -> Tensor:
    """``tl.arange`` as int32 of shape ``(1, n)``."""
    start = int(str(step.operation.attributes["start"]))
    return torch.arange(start, start + step.shape[0], dtype=torch.int32).reshape(1, -1)


LAZY: dict[str, Callable[..., Any]] = {
    "tt.splat": splat,
    "tt.broadcast": broadcast,
    "tt.expand_dims": expand_dims,
    "tt.reshape": reshape,
    "tt.trans": trans,
    "tt.bitcast": bitcast,
    "arith.bitcast": bitcast,
    "arith.select": select,
    "tt.unsplat": lambda step, value: map_dense(value, lambda t: t.reshape(t.shape[0])),
}
DENSE: dict[str, Callable[..., Any]] = {
    "tt.cat": cat,
    "tt.join": join,
    "tt.split": split,
    "tt.gather": gather,
    "tt.histogram": histogram,
}
