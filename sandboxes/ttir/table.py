"""The one table from an operation's name to the function that executes it.

Three kinds: `DENSE` functions take computed tensors, `LAZY` ones understand pointers and lazy index arithmetic, `RUN`
ones need the machine (memory, control flow). To add an operation, write one function in the module of its kind, name
it in the dictionary at the end of that module, and write one test. What has no function is in `coverage.py`, with the
reason.
"""

from sandboxes.ttir.engine import control
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import Compute, Run, Step
from sandboxes.ttir.engine.values import element_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.ir import Operation, PointerType
from sandboxes.ttir.memory import atomics, descriptors, pointers, transfers
from sandboxes.ttir.operations import (
    arithmetic,
    conversions,
    dots,
    external,
    floats,
    lanes,
    mathematics,
    reductions,
    scaled_dots,
    shapes,
)

DENSE: dict[str, Compute] = {
    **arithmetic.DENSE,
    **floats.DENSE,
    **conversions.DENSE,
    **mathematics.DENSE,
    **external.DENSE,
    **shapes.DENSE,
    **dots.DENSE,
    **scaled_dots.DENSE,
}
LAZY: dict[str, Compute] = {**arithmetic.LAZY, **conversions.LAZY, **shapes.LAZY, **pointers.LAZY}
RUN: dict[str, Run] = {**control.RUN, **reductions.RUN, **lanes.RUN, **transfers.RUN, **atomics.RUN, **descriptors.RUN}
CONSTANT = frozenset(["arith.constant", "tt.make_range"])
"""Operations whose value is known before running."""


def executes(name: str) -> bool:
    """Whether an operation has a function here."""
    return name in CONSTANT or name in RUN or name in LAZY or name in DENSE


def implementation(operation: Operation) -> tuple[Run, Compute | None]:
    """How to execute `operation`, and for the first two kinds what to compute."""
    name = operation.name
    if name in CONSTANT:
        return run_constant, None
    if name in RUN:
        return RUN[name], None
    if name in LAZY:
        return run_lazy, LAZY[name]
    if name in DENSE and any(isinstance(element_of(result.type), PointerType) for result in operation.results):
        return pointers.over_addresses, DENSE[name]
    if name in DENSE:
        return run_dense, DENSE[name]
    return run_unsupported, None


def run_dense(machine: Machine, step: Step) -> None:
    """An operation on computed tensors."""
    assert step.compute is not None
    _bind(machine, step, step.compute(step, *[machine.dense(i) for i in step.operands]))


def run_lazy(machine: Machine, step: Step) -> None:
    """An operation that understands lazy values and pointers."""
    assert step.compute is not None
    _bind(machine, step, step.compute(step, *[machine.get(i) for i in step.operands]))


def run_constant(machine: Machine, step: Step) -> None:
    """A value known before running."""
    machine.put(step.results[0], step.constant)


def run_unsupported(machine: Machine, step: Step) -> None:
    """An operation without a meaning here: the message names it and its line."""
    raise UnsupportedOperation(step.operation.name, step.operation.location)


def _bind(machine: Machine, step: Step, result: object) -> None:
    values = result if isinstance(result, tuple) else (result,)
    for index, value in zip(step.results, values, strict=True):
        machine.put(index, value)
