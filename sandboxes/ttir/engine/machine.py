"""The state of one chunk of programs: values, the set of programs that is active, time, counts.

Programs that disagree about a condition are split into `Frame`s (program sets). A value remembers the frame it was
made in; read from a smaller frame, its rows are selected once and cached. Programs that agree never pay for this.
"""

import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from sandboxes.ttir.engine.limits import Budget
from sandboxes.ttir.engine.values import Buffer, RuntimeValue, materialise, select_rows
from sandboxes.ttir.errors import EndlessLoop, ExecutionTimeout, TTIRError, UnsupportedOperation, Where
from sandboxes.ttir.ir import Location

if TYPE_CHECKING:
    from sandboxes.ttir.engine.counters import Tally
    from sandboxes.ttir.engine.plan import BlockPlan, Step
    from sandboxes.ttir.memory.addressing import Request
    from sandboxes.ttir.sanitizer.watch import Watch

LOOPS = ("scf.for", "scf.while")
MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What an implementation raises on operands that a verifier would have refused: the text comes from the candidate and
no MLIR verifier has seen it, so nonsense such as adding a pointer to a float ends as an unsupported operation."""


Positions: TypeAlias = "dict[int, tuple[weakref.ref[Frame], Tensor]]"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Frame:
    """A set of programs of the chunk, ascending."""

    slots: Tensor
    """int64 positions within the chunk."""
    _cache: dict[int, tuple[RuntimeValue, RuntimeValue]] = field(default_factory=dict)
    _positions: Positions = field(default_factory=dict)
    """Where this frame's programs stand in the larger frames that still own values. A loop that loses programs makes
    a frame per iteration, so each takes over what its parent knew, and frames that own nothing any more are let go."""

    @property
    def size(self) -> int:
        """Number of programs."""
        return self.slots.numel()

    def child(self, index: Tensor) -> "Frame":
        """The frame of the programs at positions ``index`` of this one."""
        positions: Positions = {
            key: (owner, known.index_select(0, index))
            for key, (owner, known) in self._positions.items()
            if owner() is not None
        }
        positions[id(self)] = (weakref.ref(self), index)
        return Frame(self.slots.index_select(0, index), {}, positions)

    def adopt(self, key: int, value: RuntimeValue, owner: "Frame") -> RuntimeValue:
        """A value of the larger frame ``owner`` as this frame sees it."""
        if isinstance(value, Tensor) and value.shape[0] == 1:
            return value
        cached = self._cache.get(key)
        if cached is not None and cached[0] is value:
            return cached[1]
        known = self._positions.get(id(owner))
        if known is None or known[0]() is not owner:
            # not an ancestor: blocks of a function that meet again
            known = (weakref.ref(owner), torch.searchsorted(owner.slots, self.slots))
            self._positions[id(owner)] = known
        mine = select_rows(value, known[1])
        self._cache[key] = (value, mine)
        return mine


class Machine:
    """Interprets prepared blocks for the programs of one chunk.

    Args:
        value_count: number of SSA values in the module.
        programs: int64 linear program ids of the chunk.
        grid: number of programs along x, y and z.
        tally: where counts go, None to count nothing.
        spaces: buffers by the number of their virtual address space.
        budget: operations and time that are left.
        kernel: its name, for messages.
        watch: the sanitizer's eye on this launch, None to look at nothing but bounds.
    """

    def __init__(
        self,
        value_count: int,
        programs: Tensor,
        grid: tuple[int, int, int],
        tally: "Tally | None",
        spaces: dict[int, Buffer],
        budget: Budget,
        kernel: str = "",
        watch: "Watch | None" = None,
    ) -> None:
        self.programs = programs
        self.kernel = kernel
        self.watch = watch
        self.grid = grid
        self.tally = tally
        self.spaces = spaces
        self.budget = budget
        self.frame = Frame(torch.arange(programs.numel()))
        self._values: list[RuntimeValue | None] = [None] * value_count
        self._owners: list[Frame | None] = [None] * value_count

    def repeated(self, times: int) -> "Machine":
        """A machine whose programs are the active ones, each ``times`` in a row: one for each lane of a tensor.

        Nothing is counted or watched there: a region for single elements touches no memory (preparation sees to it).
        """
        programs = self.programs.index_select(0, self.frame.slots).repeat_interleave(times)
        return Machine(len(self._values), programs, self.grid, None, self.spaces, self.budget, self.kernel)

    def get(self, index: int) -> RuntimeValue:
        """The value with SSA index ``index`` for the active programs."""
        value = self._values[index]
        owner = self._owners[index]
        assert value is not None, "use before definition"
        assert owner is not None
        return value if owner is self.frame else self.frame.adopt(index, value, owner)

    def dense(self, index: int) -> Tensor:
        """Like `get`, with lazy sums and conjunctions computed (once)."""
        value = self._values[index]
        if isinstance(value, Tensor) and self._owners[index] is self.frame:
            return value
        return materialise(self.get(index))

    def put(self, index: int, value: RuntimeValue) -> None:
        """Defines a value for the active programs."""
        self._values[index] = value
        self._owners[index] = self.frame

    def run(self, block: "BlockPlan") -> "Step":
        """Runs a block up to its terminator, which is returned."""
        values = self._values
        tally = self.tally
        budget = self.budget
        budget.spend(1 + len(block.steps), block.terminator.operation.location)
        for step in block.steps:
            try:
                step.run(self, step)
            except EndlessLoop:
                raise
            except ExecutionTimeout as error:
                if error.in_loop or step.operation.name not in LOOPS:
                    raise
                place = self.where(step.operation.location)
                raise ExecutionTimeout(error.spent, place, in_loop=True) from error
            except TTIRError:
                raise
            except MALFORMED as error:
                name = step.operation.name
                raise UnsupportedOperation(f"{name} ({error})", step.operation.location) from error
            if tally is not None:
                tally.executed(self, step)
            for dead in step.frees:
                values[dead] = None
            if time.monotonic() > budget.deadline:
                raise budget.late(step.operation.location)
        return block.terminator

    def accessed(self, step: "Step", request: "Request", kind: str) -> None:
        """An operation has accessed memory: counts it, if counts are wanted."""
        if self.tally is not None:
            self.tally.accessed(self, step, request, kind)

    def coordinates(self, axis: int) -> Tensor:
        """int32 program ids of the active programs along ``axis`` (0 to 2), shape ``(1,)`` if they agree."""
        linear = self.programs.index_select(0, self.frame.slots)
        x, y, _ = self.grid
        divisor = (1, x, x * y)[axis]
        ids = (torch.div(linear, divisor, rounding_mode="floor") % self.grid[axis]).to(torch.int32)
        return ids[:1] if bool((ids == ids[0]).all()) else ids

    def program_id(self, row: int) -> tuple[int, int, int]:
        """``(x, y, z)`` of the program at position ``row`` of the active frame."""
        return self.coordinates_of(int(self.programs[self.frame.slots[row]]))

    def where(self, location: Location, row: int = 0, lane: int = 0) -> Where:
        """A place in the program at position ``row`` of the active frame, for messages."""
        return Where(self.kernel, self.program_id(row), lane, location, self.grid)

    def coordinates_of(self, linear: int) -> tuple[int, int, int]:
        """``(x, y, z)`` of a linear program id."""
        x, y, _ = self.grid
        return linear % x, linear // x % y, linear // (x * y)
