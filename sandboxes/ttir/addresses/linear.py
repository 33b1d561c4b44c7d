"""Loops whose values advance by the same amount in every iteration, so that any iteration can be executed on its own.

Only what addresses need is looked at: a sum that a loop adds up is nobody's concern here. A value that the loop hands
on has to be the one it was given, plus what does not change while the loop runs; everything else (an index that wraps,
two values that change places) makes the loop one that has to be executed from the beginning to the end.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sandboxes.ttir.dataflow import SINKS
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, Step
from sandboxes.ttir.engine.values import Addresses, Pointer, RuntimeValue, Sum, add, element_of, materialise
from sandboxes.ttir.ir import ScalarType
from sandboxes.ttir.memory.pointers import moved


@dataclass(frozen=True, slots=True)
class Advance:
    """What is added to a value in every iteration."""

    steps: tuple[tuple[int, int], ...]
    """SSA indices with their signs."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a loop's values advance."""

    advances: tuple[Advance, ...]
    """One per value that the loop carries."""

    @property
    def used(self) -> frozenset[int]:
        """SSA indices that are still needed when an iteration is over."""
        return frozenset(index for advance in self.advances for index, _ in advance.steps)


def progress(loop: Step) -> Progress | None:
    """How an ``scf.for`` advances, None if that can't be proven."""
    body = loop.regions[0][0]
    made = {result: step for step in body.steps for result in step.results}
    changing = _changing(body)
    advances = []
    for argument, handed_on in zip(body.arguments[1:], body.terminator.operands, strict=True):
        found = _advance(argument, handed_on, made, changing)
        if found is None:
            return None
        advances.append(found)
    return Progress(tuple(advances))


def _advance(argument: int, handed_on: int, made: dict[int, Step], changing: set[int]) -> Advance | None:
    """How ``handed_on`` is computed from ``argument`` by adding invariants."""
    steps: list[tuple[int, int]] = []
    while handed_on != argument:
        step = made.get(handed_on)
        if step is None or len(step.operands) != 2 or not _adds(step):
            return None
        left, right = step.operands
        if right not in changing:
            steps.append((right, -1 if step.operation.name == "arith.subi" else 1))
            handed_on = left
        elif left not in changing and step.operation.name == "arith.addi":
            steps.append((left, 1))
            handed_on = right
        else:
            return None
    return Advance(tuple(steps))


def _adds(step: Step) -> bool:
    if step.operation.name == "tt.addptr":
        return True
    element = element_of(step.operation.results[0].type)
    return step.operation.name in ("arith.addi", "arith.subi") and element != ScalarType("i1")


def _changing(body: BlockPlan) -> set[int]:
    """Values of a block that may differ from iteration to iteration."""
    found = set(body.arguments)
    for step in body.steps:  # in order, so that operands are known before results
        own = step.regions or step.operation.name in SINKS or step.operation.name == "tt.call"
        if own or not found.isdisjoint(step.operands):
            found.update(step.results)
    return found


def amounts(machine: Machine, advance: Advance) -> list[tuple[RuntimeValue, int]]:
    """What one iteration adds, after the first was executed."""
    return [(machine.get(index), sign) for index, sign in advance.steps]


def advanced(value: RuntimeValue, steps: list[tuple[RuntimeValue, int]], iterations: "int | Tensor") -> RuntimeValue:
    """A carried value after some iterations, exactly: integers wrap as they would by adding one at a time.

    Args:
        value: What the loop was given.
        steps: What each iteration adds.
        iterations: How many, of all programs, or int64 of each.
    """
    for amount, sign in steps:
        assert isinstance(amount, Tensor | Sum)
        once = materialise(amount)
        times = iterations if isinstance(iterations, int) else iterations.reshape(-1, *[1] * (once.dim() - 1))
        total = once.to(torch.int64) * (times * sign)
        if isinstance(value, Pointer | Addresses):
            value = moved(value, total)
        else:
            assert isinstance(value, Tensor | Sum)
            value = add(value, total.to(once.dtype))
    return value
