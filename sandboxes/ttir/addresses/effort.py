"""What observing may cost: elements and operations, counted, so that a busy machine sees what a quiet one sees."""

import time
from typing import Final

from sandboxes.ttir.engine.limits import Budget
from sandboxes.ttir.errors import ExecutionTimeout
from sandboxes.ttir.ir import UNKNOWN, Location

MAX_OPERATIONS: Final = 2_000_000
"""As many as an execution may take."""

OPERATION: Final = 8_192
"""Elements that an operation costs, however few it computes: some 10 µs, as much as a call of torch takes."""

MOST: Final = 2**30
"""Elements, if nobody asks for fewer: more than a second on one core."""

CPU_SECONDS: Final = 10.0
"""Processor time after which it ends all the same: twenty times what a launch's budget takes on a slow core."""


class Effort(Budget):
    """Counts down while an observer runs.

    Args:
        elements: That may be computed.
        cpu_seconds: Of this thread, from now; the last resort, far from what `elements` take.
    """

    def __init__(self, elements: int, cpu_seconds: float = CPU_SECONDS) -> None:
        super().__init__(MAX_OPERATIONS)
        self.elements = elements
        self.computed = 0
        """Elements so far, operations among them."""
        self._cpu_seconds = cpu_seconds
        self._last = time.thread_time() + cpu_seconds
        self._location = UNKNOWN

    def spend(self, operations: int, location: Location) -> None:
        """Takes operations that are about to run.

        Raises:
            ExecutionTimeout: they are more than are left, or the last resort is.
        """
        super().spend(operations, location)
        self._location = location
        self.compute(operations * OPERATION)
        if time.thread_time() > self._last:
            raise ExecutionTimeout(f"{self._cpu_seconds:g} s of the processor", location)

    def compute(self, elements: int) -> None:
        """Takes elements that were computed.

        Raises:
            ExecutionTimeout: they are more than are left.
        """
        self.computed += elements
        if self.computed > self.elements:
            raise ExecutionTimeout(f"{self.elements:,} elements", self._location)
