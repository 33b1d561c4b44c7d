"""``tl.argmax`` and ``tl.argmin`` in three passes over the data instead of a tree of selects.

The combine region of both is ``better = a > b or (a == b and i < j)``, with the value and the index of the better side.
It is recognised by its expression, whatever the order of its operations.
"""

from typing import TypeAlias

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import BlockPlan

Expression: TypeAlias = int | tuple["Expression | str", ...]
"""An argument's position, or an operation with its predicate and operands; commutative operands are sorted."""

_COMMUTATIVE = ("arith.ori", "arith.andi")
_A, _I, _B, _J = range(4)
_BETTER = {
    ("arith.cmpf", "ogt"): "largest",
    ("arith.cmpf", "olt"): "smallest",
    ("arith.cmpi", "sgt"): "largest",
    ("arith.cmpi", "slt"): "smallest",
}
_EQUAL = {"arith.cmpf": "oeq", "arith.cmpi": "eq"}


def direction(block: BlockPlan) -> str:
    """``largest`` or ``smallest`` if the region is that of argmax or argmin with the lowest index among equals."""
    if len(block.arguments) != 4 or len(block.steps) != 7 or len(block.terminator.operands) != 2:
        return ""
    known: dict[int, Expression] = dict(zip(block.arguments, range(4), strict=True))
    for step in block.steps:
        if len(step.results) != 1 or step.regions or any(operand not in known for operand in step.operands):
            return ""
        operands = [known[operand] for operand in step.operands]
        known[step.results[0]] = _operation(step.operation.name, *step.operation.keywords[:1], *operands)
    if any(operand not in known for operand in block.terminator.operands):
        return ""
    returned = tuple(known[operand] for operand in block.terminator.operands)
    return next((name for key, name in _BETTER.items() if returned == _selected(*key)), "")


def _operation(name: str, *parts: Expression | str) -> Expression:
    return (name, *(sorted(parts, key=repr) if name in _COMMUTATIVE else parts))


def _selected(compare: str, predicate: str) -> tuple[Expression, Expression]:
    """What the region returns for one comparison."""
    tie = _operation("arith.andi", (compare, _EQUAL[compare], _A, _B), ("arith.cmpi", "slt", _I, _J))
    better = _operation("arith.ori", (compare, predicate, _A, _B), tie)
    return ("arith.select", better, _A, _B), ("arith.select", better, _I, _J)


def reduced(name: str, values: Tensor, indices: Tensor, axis: int) -> tuple[Tensor, Tensor] | None:
    """The best value and its index along ``axis``; None where the tree's order decides (NaN, zeros of two signs)."""
    best = torch.amax(values, axis, keepdim=True) if name == "largest" else torch.amin(values, axis, keepdim=True)
    if values.is_floating_point() and bool((torch.isnan(best) | (best == 0)).any()):
        return None
    last = torch.iinfo(indices.dtype).max
    return best.squeeze(axis), torch.where(values == best, indices, last).amin(axis)
