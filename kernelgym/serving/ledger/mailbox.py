"""What a thread that waits for jobs is told of their end."""

import threading
from collections.abc import Sequence
from typing import Final


class Mailbox:
    """What one waiting thread is told.

    Args:
        ids: The jobs that it waits for.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids: Final = frozenset(ids)
        self._told: set[str] = set()
        self._rings = threading.Event()

    def tell(self, id: str) -> None:
        """Notes that a job has ended, if that is of interest here."""
        if id in self.ids:
            self._told.add(id)
            self._rings.set()

    def knows(self, id: str) -> bool:
        """Whether it was told of the end of a job."""
        return id in self._told

    def ring(self) -> None:
        """Ends `wait`: news may have been missed."""
        self._rings.set()

    def wait(self, timeout_s: float) -> set[str]:
        """Returns the jobs that have ended, as soon as there is one; an empty set means: look for yourself."""
        self._rings.wait(timeout_s)
        self._rings.clear()
        return self._told.copy()
