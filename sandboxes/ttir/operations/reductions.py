"""``tt.reduce`` and ``tt.scan`` with any combine region.

A region that is one known operation maps to one torch call; any other runs on whole tensors, pairwise, in log2 steps.
One that branches runs lane by lane, see `lanes.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, Run, Step
from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.operations.argreduce import direction, reduced
from sandboxes.ttir.operations.lanes import by_lane, has_control_flow

Reduction = Callable[[Tensor, int], Tensor]


def _sum(x: Tensor, axis: int) -> Tensor:
    return x.sum(dim=axis, dtype=x.dtype)


def _product(x: Tensor, axis: int) -> Tensor:
    return x.prod(dim=axis, dtype=x.dtype)


def _largest(x: Tensor, axis: int) -> Tensor:
    """NaN if any element is; +0 is larger than -0."""
    result = torch.amax(x, dim=axis)
    if x.is_floating_point() and bool((result == 0).any()):
        positive = ((x == 0) & ~torch.signbit(x)).any(dim=axis)
        result = torch.where(result == 0, torch.where(positive, 0.0, -0.0).to(x.dtype), result)
    return result


def _smallest(x: Tensor, axis: int) -> Tensor:
    """NaN if any element is; -0 is smaller than +0."""
    return -_largest(-x, axis) if x.is_floating_point() else torch.amin(x, dim=axis)


def _ignoring_nan(reduce: Reduction, neutral: float) -> Reduction:
    """maxnum and minnum: NaN only if every element is NaN."""

    def apply(x: Tensor, axis: int) -> Tensor:
        result = reduce(x, axis)
        if not bool(torch.isnan(result).any()):
            return result
        missing = torch.isnan(x)
        cleaned = reduce(torch.where(missing, neutral, x), axis)
        return torch.where(missing.all(dim=axis), float("nan"), cleaned)

    return apply


REDUCTIONS: dict[str, Reduction] = {
    "arith.addf": _sum,
    "arith.addi": _sum,
    "arith.mulf": _product,
    "arith.muli": _product,
    "arith.maxnumf": _ignoring_nan(_largest, float("-inf")),
    "arith.minnumf": _ignoring_nan(_smallest, float("inf")),
    "arith.maximumf": _largest,
    "arith.minimumf": _smallest,
    "arith.maxsi": _largest,
    "arith.minsi": _smallest,
}
SCANS: dict[str, Reduction] = {
    "arith.addf": lambda x, axis: torch.cumsum(x, dim=axis, dtype=x.dtype),
    "arith.addi": lambda x, axis: torch.cumsum(x, dim=axis, dtype=x.dtype),
    "arith.mulf": lambda x, axis: torch.cumprod(x, dim=axis, dtype=x.dtype),
    "arith.muli": lambda x, axis: torch.cumprod(x, dim=axis, dtype=x.dtype),
    "arith.maxsi": lambda x, axis: torch.cummax(x, dim=axis).values,
    "arith.minsi": lambda x, axis: torch.cummin(x, dim=axis).values,
}
_ROUNDED = ("arith.addf", "arith.mulf")
"""Operations that half types round after every step, which torch's own reductions do not."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What a combine region does."""

    name: str
    """The one operation that it consists of, ``""`` if it is anything else."""
    body: BodyPlan
    best: str
    """``largest`` or ``smallest`` if it is that of argmax or argmin, see `argreduce.py`."""
    by_lane: bool
    """Whether it branches, so that elements have to go their own ways."""

    def fast(self, table: dict[str, Reduction], dtype: torch.dtype) -> Reduction | None:
        """The torch call that does the same for elements of ``dtype``, None if there is none."""
        if dtype == torch.bool or (dtype in (torch.float16, torch.bfloat16) and self.name in _ROUNDED):
            return None
        return table.get(self.name)


def combination(body: BodyPlan) -> Combination:
    """What there is to know about a combine region before running it."""
    only = body.blocks[0] if len(body.blocks) == 1 else None
    name, best = (_single_operation(only), direction(only)) if only is not None else ("", "")
    return Combination(name, body, best, has_control_flow(body))


def _single_operation(block: BlockPlan) -> str:
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


def _combine(machine: Machine, step: Step, left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
    body = step.constant.body
    if step.constant.by_lane:
        shape = (machine.frame.size, *left[0].shape[1:])
        lanes = [t.expand(shape).reshape(shape[0], -1) for t in (*left, *right)]
        return [t.reshape(shape) for t in by_lane(machine, step, body, lanes)]
    block = body.blocks[0]
    for index, tensor in zip(block.arguments, [*left, *right], strict=True):
        machine.put(index, tensor)
    tally, machine.tally = machine.tally, None  # a reduction is counted as a whole
    terminator = machine.run(block)
    machine.tally = tally
    results = [machine.dense(i) for i in terminator.operands]
    return [r.expand(x.shape) if r.shape != x.shape else r for r, x in zip(results, left, strict=True)]


def _rows(tensor: Tensor, like: Tensor) -> Tensor:
    """The tensor for as many programs as the other has."""
    return tensor.expand(like.shape[0], *tensor.shape[1:])


def _every_second(x: Tensor, axis: int, first: int) -> Tensor:
    picked = [slice(None)] * x.dim()
    picked[axis] = slice(first, None, 2)
    return x[tuple(picked)]


def reduce(machine: Machine, step: Step) -> None:
    """Reduces one axis."""
    axis = _axis(step)
    inputs = _inputs(machine, step, axis)
    fast = step.constant.fast(REDUCTIONS, inputs[0].dtype)
    if fast is not None:
        machine.put(step.results[0], fast(inputs[0], axis))
        return
    if step.constant.best and (found := reduced(step.constant.best, inputs[0], inputs[1], axis)) is not None:
        for index, tensor in zip(step.results, found, strict=True):
            machine.put(index, tensor)
        return
    while inputs[0].shape[axis] > 1:
        length = inputs[0].shape[axis]
        pairs = length - length % 2
        evens = [_every_second(t.narrow(axis, 0, pairs), axis, 0) for t in inputs]
        odds = [_every_second(t.narrow(axis, 0, pairs), axis, 1) for t in inputs]
        combined = _combine(machine, step, evens, odds)
        rest = [t.narrow(axis, pairs, length - pairs) for t in inputs]
        rest = [_rows(t, c) for t, c in zip(rest, combined, strict=True)]
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
    fast = step.constant.fast(SCANS, inputs[0].dtype)
    if fast is not None:
        inputs = [fast(inputs[0], axis)]
    else:
        length, reach = inputs[0].shape[axis], 1
        while reach < length:
            left = [t.narrow(axis, 0, length - reach) for t in inputs]
            right = [t.narrow(axis, reach, length - reach) for t in inputs]
            combined = _combine(machine, step, left, right)
            pairs = zip(inputs, combined, strict=True)
            inputs = [torch.cat([_rows(t.narrow(axis, 0, reach), c), c], dim=axis) for t, c in pairs]
            reach *= 2
    for index, tensor in zip(step.results, inputs, strict=True):
        machine.put(index, tensor.flip(axis) if reverse else tensor)


RUN: dict[str, Run] = {"tt.reduce": reduce, "tt.scan": scan}
