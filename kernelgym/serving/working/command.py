"""What a worker's processes are told from above: go on, take nothing new, give back what runs."""

import mmap
from enum import IntEnum


class Command(IntEnum):
    """What to do; it only grows."""

    GO_ON = 0
    DRAIN = 1
    """Finish what runs, take nothing new."""
    ABANDON = 2
    """Give back what runs, now."""


class Commands:
    """One byte that a process shares with those it forks: seen by all at once, and safe in signal handlers."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    @property
    def current(self) -> Command:
        """What to do now."""
        return Command(self._shared[0])

    def give(self, command: Command) -> None:
        """Tells everybody; never takes an command back."""
        self._shared[0] = max(command, self._shared[0])
