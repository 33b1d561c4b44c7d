"""What one execution may still spend: operations, the same on every machine, and wall time, the last resort."""

import math
import time

from sandboxes.ttir.errors import ExecutionTimeout
from sandboxes.ttir.ir import Location


class Budget:
    """Counts down while a machine runs.

    Args:
        operations: Operations that may be executed; one operation of many programs at once is one.
        seconds: Wall time from now; None for any.
    """

    def __init__(self, operations: int, seconds: float | None = None) -> None:
        self.operations = operations
        self.spent = 0
        self.seconds = seconds
        self.deadline = math.inf if seconds is None else time.monotonic() + seconds
        """On `time.monotonic`'s clock."""

    def spend(self, operations: int, location: Location) -> None:
        """Takes operations that are about to run.

        Raises:
            ExecutionTimeout: they are more than are left, or time is up.
        """
        self.spent += operations
        if self.spent > self.operations:
            raise ExecutionTimeout(f"{self.operations:,} operations", location)
        if time.monotonic() > self.deadline:
            raise self.late(location)

    def late(self, location: Location) -> ExecutionTimeout:
        """What to raise after the deadline."""
        return ExecutionTimeout(f"{self.seconds:g} s", location)
