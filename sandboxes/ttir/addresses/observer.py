"""A machine that runs the slice of a kernel: memory operations are taken down instead of executed."""

from typing import Literal

import torch
from torch import Tensor

from sandboxes.ttir.addresses.effort import Effort
from sandboxes.ttir.addresses.recording import Path, Recorder
from sandboxes.ttir.addresses.slicing import MASKS
from sandboxes.ttir.dataflow import SINKS
from sandboxes.ttir.engine.counters import Tally
from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.plan import BlockPlan, Step
from sandboxes.ttir.engine.values import Buffer, RuntimeValue, shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.memory.addressing import Request
from sandboxes.ttir.memory.descriptors import block_pointers, described, picked_rows
from sandboxes.ttir.memory.pointers import requests

Kind = Literal["load", "store", "atomic"]
_KINDS: dict[str, Kind] = {"reads": "load", "writes": "store", "updates": "atomic"}
KINDS: dict[str, Kind] = {name: _KINDS[use] for name, use in SINKS.items()}
"""By name of the operation."""

PEEKED = 8
"""Elements that looking up one in memory takes: its offset, whether that is inside, a place that no cache knows."""


class Observer(Machine):
    """Runs programs for their addresses.

    Args:
        value_count: number of SSA values in the module.
        programs: int64 linear program ids of the chunk.
        grid: number of programs along x, y and z.
        counts: where counts go, of all steps of the kernel.
        contents: for each block the numbers of all steps that it has in the kernel.
        products: for each block the elements whose computing takes as long as its products of tiles.
        spaces: buffers by the number of their virtual address space.
        effort: what may still be computed.
        kernel: its name, for messages.
        recorder: where accesses go.
        dependent: numbers of the steps that depend on values from memory.
        hollow: whether memory holds no values that mean anything.
        seed: draws the iterations of long loops that are executed.
    """

    def __init__(
        self,
        value_count: int,
        programs: Tensor,
        grid: tuple[int, int, int],
        counts: Tally,
        contents: dict[BlockPlan, tuple[int, ...]],
        products: dict[BlockPlan, int],
        spaces: dict[int, Buffer],
        effort: Effort,
        kernel: str,
        recorder: Recorder,
        *,
        dependent: frozenset[int],
        hollow: bool,
        seed: int,
    ) -> None:
        super().__init__(value_count, programs, grid, None, spaces, effort, kernel)
        self.effort = effort
        self.counts = counts
        self.seed = seed
        self.time: Path = ()
        self.guessed = False
        """Whether a value was used that memory does not hold at that time."""
        self.made = 0
        """Elements that were computed so far."""
        self._contents = contents
        self._products = products
        self._recorder = recorder
        self._dependent = dependent
        self._hollow = hollow

    def put(self, index: int, value: RuntimeValue) -> None:
        """Defines a value for the active programs."""
        if isinstance(value, Tensor):
            self.made += value.numel()
            self.effort.compute(value.numel())
        super().put(index, value)

    def dense(self, index: int) -> Tensor:
        """Like `get`, with lazy values computed."""
        value = super().dense(index)
        self.effort.compute(value.numel())
        return value

    def repeated(self, times: int) -> Machine:
        """A machine for single elements, whose values count as well."""
        programs = self.programs.index_select(0, self.frame.slots).repeat_interleave(times)
        return _Lanes(len(self._values), programs, self.grid, None, self.spaces, self.effort, self.kernel)

    def run(self, block: BlockPlan) -> Step:
        """Runs what is left of a block and counts all of it, up to its terminator, which is returned."""
        numbers = self._contents.get(block)
        if numbers is not None:
            self.counts.executed_all(self, numbers)
        self.effort.compute(self._products.get(block, 0) * self.frame.size)
        return super().run(block)

    def waits(self, step: Step) -> bool:
        """Whether it depends on values from memory how often a loop goes round."""
        return step.number in self._dependent

    def accessed(self, step: Step, request: Request, kind: str) -> None:
        """Takes down an access."""
        self.counts.accessed(self, step, request, kind)
        self._recorder.accessed(self, step, request, KINDS[step.operation.name], self.time, self.counts.times)

    def peek(self, request: Request, step: Step, rest: Tensor) -> Tensor:
        """What memory holds at the request's offsets, ``rest`` where masks do not hold; 0 outside of the buffer."""
        if step.constant.stale or self._hollow or request.buffer.written:
            self.guessed = True
        data = request.buffer.data
        offsets, mask = request.offsets(), request.mask()
        self.effort.compute(offsets.numel() * PEEKED)
        if data.numel() == 0:
            return rest
        inside = offsets.clamp(0, data.numel() - 1)
        found = data.index_select(0, inside.reshape(-1)).reshape(inside.shape)
        if not bool((inside == offsets).all()):
            found = torch.where(inside == offsets, found, torch.zeros((), dtype=found.dtype))
        return found if mask is None else torch.where(mask, found, rest.to(found.dtype))


class _Lanes(Machine):
    """Runs a region for single elements."""

    def put(self, index: int, value: RuntimeValue) -> None:
        """Defines a value for the active lanes."""
        assert isinstance(self.budget, Effort)
        if isinstance(value, Tensor):
            self.budget.compute(value.numel())
        super().put(index, value)


class MemoryFacts:
    """What is known of a memory operation before running.

    Args:
        wanted: Whether an address needs what it returns.
        stale: Whether that is never what memory holds before the launch.
    """

    __slots__ = ("stale", "wanted")

    def __init__(self, *, wanted: bool, stale: bool) -> None:
        self.wanted = wanted
        self.stale = stale


def memory_operation(machine: Machine, step: Step) -> None:
    """A load, store or atomic: nothing is stored, and only what addresses depend on is loaded."""
    assert isinstance(machine, Observer)
    pointer, mask, shape = _addressed(machine, step)
    value = _rest(machine, step, shape) if step.constant.wanted else None
    for request in requests(machine, step, pointer, mask, shape, KINDS[step.operation.name]):
        machine.accessed(step, request, KINDS[step.operation.name])
        if value is not None:
            value = machine.peek(request, step, value)
    if value is not None:
        machine.put(step.results[0], _result(step, value, shape))


def _addressed(machine: Machine, step: Step) -> tuple[RuntimeValue, RuntimeValue | None, tuple[int, ...]]:
    """Pointers, mask and shape of a memory operation."""
    name = step.operation.name
    if name in ("tt.descriptor_gather", "tt.descriptor_scatter"):
        return picked_rows(machine, step)
    if name.startswith("tt.descriptor"):
        descriptor, shape = described(machine, step)
        indices = [machine.dense(i) for i in step.operands[1 : 1 + len(shape)]]
        return *block_pointers(machine, step, descriptor, indices, shape), shape
    place = MASKS.get(name)
    mask = machine.get(step.operands[place]) if place is not None and len(step.operands) > place else None
    return machine.get(step.operands[0]), mask, shape_of(step.operation.operands[0].type)


def _rest(machine: Machine, step: Step, shape: tuple[int, ...]) -> Tensor:
    """What lanes read whose mask does not hold."""
    if step.dtype is None:
        raise UnsupportedOperation(f"{step.operation.name} of pointers", step.operation.location)
    if step.operation.name == "tt.load" and len(step.operands) > 2:
        return machine.dense(step.operands[2])
    return torch.zeros([1] * (1 + len(shape)), dtype=step.dtype)


def _result(step: Step, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    if step.operation.name == "tt.atomic_poll":  # what it waits for has come
        return torch.ones([1] * (1 + len(shape)), dtype=torch.bool)
    if step.shape != shape:
        return value.expand(value.shape[0], *shape).reshape(value.shape[0], *step.shape)
    return value
