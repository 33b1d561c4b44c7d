"""How evenly a kernel's work is spread over its programs: a launch takes as long as its longest program."""

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine


class Evenness:
    """Adds up what each program does, whatever the unit is.

    Args:
        programs: How many there are, those that do nothing included.
    """

    def __init__(self, programs: int) -> None:
        self._programs = programs
        self._machine: Machine | None = None
        self._common = 0.0
        """What every program of the machine has done."""
        self._own: Tensor | None = None
        """What some of them have done besides, for each."""
        self._total = 0.0
        self._most = 0.0

    def add(self, machine: Machine, amount: float) -> None:
        """Each of the machine's active programs has done so much."""
        if machine is not self._machine:
            self._close()
            self._machine = machine
        if machine.frame.size == machine.programs.numel():
            self._common += amount
            return
        if self._own is None:
            self._own = torch.zeros(machine.programs.numel(), dtype=torch.float64)
        self._own[machine.frame.slots] += amount

    def unevenness(self) -> float:
        """Returns what the busiest program has done over what an average one has, at least 1."""
        self._close()
        return self._most * self._programs / self._total if self._total else 1.0

    def _close(self) -> None:
        """Takes over what the programs of the machine have done."""
        if self._machine is None:
            return
        programs = self._machine.programs.numel()
        self._total += self._common * programs + (float(self._own.sum()) if self._own is not None else 0.0)
        self._most = max(self._most, self._common + (float(self._own.max()) if self._own is not None else 0.0))
        self._machine, self._common, self._own = None, 0.0, None
