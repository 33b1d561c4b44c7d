"""``tt.reduce`` and ``tt.scan`` with any combine region.

A region that is one known operation maps to one torch call; any other runs on whole tensors, pairwise, in log2 steps.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, Run, Step
from sandboxes.ttir.engine.values import shape_of


def _sum(x: Tensor, axis: int) -> Tensor:
    return x.sum(dim=axis, dtype=x.dtype)


def _product(x: Tensor, axis: int) -> Tensor:
    return x.prod(dim=axis, dtype=x.dtype)


def _ignoring_nan(reduce: Callable[..., Tensor], neutral: float) -> Callable[[Tensor, int], Tensor]:
    """maxnum and minnum: NaN only if every element is NaN."""

    def apply(x: Tensor, axis: int) -> Tensor:
        result = reduce(x, dim=axis)
        if not bool(torch.isnan(result).any()):
            return result
        missing = torch.isnan(x)
        cleaned = reduce(torch.where(missing, neutral, x), dim=axis)
        return torch.where(missing.all(dim=axis), float("nan"), cleaned)

    return apply


REDUCTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "arith.addf": _sum,
    "arith.addi": _sum,
    "arith.mulf": _product,
    "arith.muli": _product,
    "arith.maxnumf": _ignoring_nan(torch.amax, float("-inf")),
    "arith.minnumf": _ignoring_nan(torch.amin, float("inf")),
    "arith.maximumf": lambda x, axis: torch.amax(x, dim=axis),
    "arith.minimumf": lambda x, axis: torch.amin(x, dim=axis),
    "arith.maxsi": lambda x, axis: torch.amax(x, dim=axis),
    "arith.minsi": lambda x, axis: torch.amin(x, dim=axis),
}
SCANS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "arith.addf": lambda x, axis: torch.cumsum(x, dim=axis, dtype=x.dtype),
    "arith.addi": lambda x, axis: torch.cumsum(x, dim=axis, dtype=x.dtype),
    "arith.mulf": lambda x, axis: torch.cumprod(x, dim=axis, dtype=x.dtype),
    "arith.muli": lambda x, axis: torch.cumprod(x, dim=axis, dtype=x.dtype),
    "arith.maximumf": lambda x, axis: torch.cummax(x, dim=axis).values,
    "arith.maxsi": lambda x, axis: torch.cummax(x, dim=axis).values,
    "arith.minsi": lambda x, axis: torch.cummin(x, dim=axis).values,
}


def single_operation(block: BlockPlan) -> str:
    """Name of the one operation that combines the block's two arguments, ``""`` if it is anything else."""
    if len(block.steps) != 1 or len(block.arguments) != 2:
        return ""
    step = block.steps[0]
    if step.operands != block.arguments and step.operands != block.arguments[::-1]:
        return ""
    return step.operation.name if block.terminator.operands == step.results else ""


def _axis(step: Step) -> int:
    return int(str(step.operation.attributes["axis"])) + 1


def _inputs(machine: Machine, step: Step, axis: int) -> list[Tensor]:
    """Operands, at full size along ``axis`` and at equal sizes along the others."""
    tensors = [machine.dense(i) for i in step.operands]
    length = shape_of(step.operation.operands[0].type)[axis - 1]
    sizes = [max(t.shape[i] for t in tensors) for i in range(tensors[0].dim())]
    sizes[axis] = length
    return [t.expand(sizes) for t in tensors]


def _combine(machine: Machine, block: BlockPlan, left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
    for index, tensor in zip(block.arguments, [*left, *right], strict=True):
        machine.put(index, tensor)
    tally, machine.tally = machine.tally, None  # a reduction is counted as a whole
    terminator = machine.run(block)
    machine.tally = tally
    results = [machine.dense(i) for i in terminator.operands]
    return [r.expand(x.shape) if r.shape != x.shape else r for r, x in zip(results, left, strict=True)]


def _every_second(x: Tensor, axis: int, first: int) -> Tensor:
    picked = [slice(None)] * x.dim()
    picked[axis] = slice(first, None, 2)
    return x[tuple(picked)]


def reduce(machine: Machine, step: Step) -> None:
    """Reduces one axis."""
    axis = _axis(step)
    inputs = _inputs(machine, step, axis)
    block = step.regions[0][0]
    fast = REDUCTIONS.get(step.constant)
    if fast is not None and inputs[0].dtype != torch.bool:
        machine.put(step.results[0], fast(inputs[0], axis))
        return
    while inputs[0].shape[axis] > 1:
        length = inputs[0].shape[axis]
        pairs = length - length % 2
        evens = [_every_second(t.narrow(axis, 0, pairs), axis, 0) for t in inputs]
        odds = [_every_second(t.narrow(axis, 0, pairs), axis, 1) for t in inputs]
        combined = _combine(machine, block, evens, odds)
        rest = [t.narrow(axis, pairs, length - pairs) for t in inputs]
        inputs = [torch.cat(p, dim=axis) if length > pairs else p[0] for p in zip(combined, rest, strict=True)]
    for index, tensor in zip(step.results, inputs, strict=True):
        machine.put(index, tensor.squeeze(axis))


def scan(machine: Machine, step: Step) -> None:
    """Inclusive prefix along one axis (Hillis and Steele where no torch call fits)."""
    axis = _axis(step)
    inputs = _inputs(machine, step, axis)
    reverse = bool(step.operation.attributes.get("reverse", False))
    if reverse:
        inputs = [t.flip(axis) for t in inputs]
    fast = SCANS.get(step.constant)
    if fast is not None and inputs[0].dtype != torch.bool:
        inputs = [fast(inputs[0], axis)]
    else:
        length, reach = inputs[0].shape[axis], 1
        while reach < length:
            left = [t.narrow(axis, 0, length - reach) for t in inputs]
            right = [t.narrow(axis, reach, length - reach) for t in inputs]
            combined = _combine(machine, step.regions[0][0], left, right)
            pairs = zip(inputs, combined, strict=True)
            inputs = [torch.cat([t.narrow(axis, 0, reach), c], dim=axis) for t, c in pairs]
            reach *= 2
    for index, tensor in zip(step.results, inputs, strict=True):
        machine.put(index, tensor.flip(axis) if reverse else tensor)


RUN: dict[str, Run] = {"tt.reduce": reduce, "tt.scan": scan}
