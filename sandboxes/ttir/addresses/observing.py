"""Finds out which memory programs access, and counts what they do, without doing it.

Only what pointers, masks and control flow are computed from is executed (`slicing.py`), for all programs at once, and
of long loops only a few iterations (`loops.py`). So a wave of programs at full size costs milliseconds, memory is
neither read nor written, and arguments may be hollow: addresses without values.

Three things are not known then, and said:

- An address that depends on loaded values (`Operation.dependent`) is computed from what memory holds at the time of
  observing. If it holds nothing that means anything, or is written by the kernel itself, or an atomic returned it, the
  log is `guessed`: all accesses that are dependent, and control flow that is, may be anywhere and anything.
- Of a loop that is executed in a few places the totals are exact if its iterations access equally much, apart from the
  first and the last one; otherwise they are an estimate.
- Bounds are not checked: that is the executor's task. An access out of bounds is taken down as it is.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.addresses.effort import MOST, Effort
from sandboxes.ttir.addresses.log import AddressLog
from sandboxes.ttir.addresses.observer import Observer
from sandboxes.ttir.addresses.planning import observation_plan
from sandboxes.ttir.addresses.recording import Recorder
from sandboxes.ttir.engine.counters import Tally
from sandboxes.ttir.engine.execution import Argument, Binding, check_grid, run_kernel
from sandboxes.ttir.errors import ArgumentMismatch, KernelError, TooMuchMemory
from sandboxes.ttir.ir import Module

MEMORY_BYTES: Final = 2**30
"""What the tensors of programs that run at once may take, by an upper bound that lazy values stay far below."""


def observe(
    module: Module,
    grid: tuple[int, int, int],
    args: Sequence[Argument],
    programs: Sequence[int],
    *,
    most: int = MOST,
    hollow: bool = False,
    seed: int = 0,
) -> AddressLog:
    """Which memory some programs of a launch access, and what they do.

    Args:
        module: from `parse`.
        grid: programs along x, y and z.
        args: as for `execute`; nothing is written.
        programs: linear ids of the programs, x fastest; none twice.
        most: elements to compute, operations among them (see `effort.py`), after which `ExecutionTimeout` is raised.
        hollow: whether tensors hold no values that mean anything.
        seed: draws the iterations of long loops that are executed.

    Raises:
        TTIRError: as `execute` does, but for what only values and bounds can show; `ExecutionTimeout` also if there is
            more to take down than fits.
    """
    check_grid(grid)
    ids, total = torch.tensor(list(programs), dtype=torch.int64), grid[0] * grid[1] * grid[2]
    if bool(((ids < 0) | (ids >= total)).any()):
        raise ArgumentMismatch(f"a grid of {total} programs has no program {int(ids.min())} or {int(ids.max())}")
    try:
        with torch.no_grad():
            observation = _Observation(module, args, ids, Effort(most), hollow=hollow, seed=seed)
            observation.run(grid)
    except KernelError as error:
        error.within(module.kernel.name)
        raise
    return observation.log()


class _Observation:
    """One launch while it is observed."""

    def __init__(
        self,
        module: Module,
        args: Sequence[Argument],
        programs: Tensor,
        effort: Effort,
        *,
        hollow: bool,
        seed: int,
    ) -> None:
        self._plan = observation_plan(module)
        self._module = module
        self._programs = programs
        self._binding = Binding(module, args)
        self._values = self._binding.values()
        self._counts = Tally(self._plan.steps, self._binding.buffers, programs.numel(), unique=False)
        self._recorder = Recorder(self._plan.dependent)
        self._effort = effort
        self._hollow = hollow
        self._seed = seed
        self._guessed = False

    def run(self, grid: tuple[int, int, int]) -> None:
        """Observes all programs, as many at once as memory allows."""
        plan = self._plan.plan
        at_once = MEMORY_BYTES // plan.program_bytes
        if not at_once:
            raise TooMuchMemory(plan.program_bytes, MEMORY_BYTES, self._module.kernel.location)
        for first in range(0, self._programs.numel(), at_once):
            self._recorder.first = first
            machine = self._machine(self._programs[first : first + at_once], grid)
            for index, value in zip(plan.kernel.blocks[0].arguments, self._values, strict=True):
                machine.put(index, value)
            run_kernel(machine, plan)
            self._guessed = self._guessed or machine.guessed

    def log(self) -> AddressLog:
        """What there was to see."""
        operations, accesses = self._recorder.log()
        return AddressLog(
            programs=self._programs,
            operations=operations,
            accesses=accesses,
            counters=self._counts.counters(),
            guessed=self._guessed,
            computed=self._effort.computed,
        )

    def _machine(self, programs: Tensor, grid: tuple[int, int, int]) -> Observer:
        return Observer(
            self._module.value_count,
            programs,
            grid,
            self._counts,
            self._plan.contents,
            self._plan.products,
            self._binding.spaces,
            self._effort,
            self._module.kernel.name,
            self._recorder,
            dependent=self._plan.dependent,
            hollow=self._hollow,
            seed=self._seed,
        )
