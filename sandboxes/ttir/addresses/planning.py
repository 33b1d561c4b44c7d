"""A kernel made ready to be observed."""

from dataclasses import dataclass, field

from sandboxes.ttir.addresses.dependence import dependent
from sandboxes.ttir.addresses.linear import Progress, progress
from sandboxes.ttir.addresses.loops import observed_call, observed_for, observed_while
from sandboxes.ttir.addresses.observer import MemoryFacts, memory_operation
from sandboxes.ttir.addresses.slicing import CONTROL, Slice, sliced
from sandboxes.ttir.dataflow import SINKS
from sandboxes.ttir.engine.counters import work
from sandboxes.ttir.engine.execution import prepared
from sandboxes.ttir.engine.machine import MALFORMED
from sandboxes.ttir.engine.plan import BlockPlan, BodyPlan, ModulePlan, Run, Step
from sandboxes.ttir.engine.preparation import prepare
from sandboxes.ttir.errors import TTIRError, UnsupportedOperation
from sandboxes.ttir.ir import Block, Module, Operation
from sandboxes.ttir.remembering import by_module

_RUN: dict[str, Run] = {"scf.for": observed_for, "scf.while": observed_while, "tt.call": observed_call}
_STALE = ("tt.atomic_rmw", "tt.atomic_cas", "tt.atomic_load", "tt.atomic_poll")
"""Operations that return what programs of the same launch leave behind."""
PRODUCT = 16
"""Operations of a product of tiles that take as long as computing one element elsewhere: a core's vector units."""


@dataclass(frozen=True, slots=True, eq=False)
class ObservationPlan:
    """Everything that an observer needs to run a module."""

    plan: ModulePlan
    """Of the slice; its steps have the numbers that they have in the whole kernel."""
    steps: list[Step]
    """All steps of the whole kernel, by number."""
    contents: dict[BlockPlan, tuple[int, ...]] = field(default_factory=dict)
    """For each block of the slice the numbers of all steps that it has in the kernel."""
    products: dict[BlockPlan, int] = field(default_factory=dict)
    """For each block of the slice the elements whose computing takes as long as its products of tiles, by one program:
    what addresses depend on may be one."""
    dependent: frozenset[int] = frozenset()
    """Numbers of the memory operations that go where loaded values say, and of loops that go on as long as they say."""


@by_module
def observation_plan(module: Module) -> ObservationPlan:
    """The plan of what addresses need, made once.

    Raises:
        TTIRError: the text is no program, as for an execution.
    """
    whole = prepared(module)
    try:
        return _planned(module, whole)
    except TTIRError:
        raise
    except MALFORMED as error:
        raise UnsupportedOperation(f"tt.func ({error})", module.kernel.location) from error


def _planned(module: Module, whole: ModulePlan) -> ObservationPlan:
    cut = sliced(module)
    numbers = {step.operation: step.number for step in whole.steps}
    plan = prepare(cut.module)
    for step in plan.steps:
        operation = cut.origins.get(step.operation, step.operation)
        step.number = numbers.get(operation, step.number)
        _bind(step, cut)
    depending = frozenset(numbers[operation] for operation in dependent(module) if operation in numbers)
    result = ObservationPlan(plan, whole.steps, dependent=depending)
    for function in plan.functions.values():
        _contents(function, function.function.body.blocks, cut, numbers, result)
    return result


def _bind(step: Step, cut: Slice) -> None:
    """Makes a step of the slice one that observes."""
    name = step.operation.name
    if name in SINKS:
        wanted = any(index in cut.needed for index in step.results)
        step.run = memory_operation
        step.constant = MemoryFacts(wanted=wanted, stale=name in _STALE)
    elif name in _RUN:
        step.run = _RUN[name]
    if name == "scf.for":
        step.constant = progress(step)
        if isinstance(step.constant, Progress):
            _keep(step.regions[0][0], step.constant.used)


def _keep(block: BlockPlan, used: frozenset[int]) -> None:
    """Keeps values until the block is done."""
    for step in block.steps:
        step.frees = tuple(index for index in step.frees if index not in used)


def _contents(
    body: BodyPlan,
    blocks: tuple[Block, ...],
    cut: Slice,
    numbers: dict[Operation, int],
    found: ObservationPlan,
) -> None:
    """Finds out for each block of a body, at any depth, what it holds in the whole kernel."""
    labels = {block.label: block for block in blocks}
    for plan in body.blocks:
        found.contents[plan] = tuple(numbers[operation] for operation in cut.contents[labels[plan.label]])
        found.products[plan] = sum(work(step)[1] for step in plan.steps if step.operation.name == "tt.dot") // PRODUCT
        for step in plan.steps:
            if step.operation.name in CONTROL:
                for inner, region in zip(step.regions, step.operation.regions, strict=True):
                    _contents(BodyPlan(inner, cyclic=False), region.blocks, cut, numbers, found)
