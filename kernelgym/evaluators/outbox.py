"""Results on their way to the caller: as they come, or in order."""

from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Holds results until they may be taken.

    Args:
        ordered: Whether a result has to wait for those of all lower indices.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._next = 0
        self._held: dict[int, Item] = {}

    def __len__(self) -> int:
        """Returns how many were put in and not taken."""
        return len(self._held)

    @property
    def ready(self) -> bool:
        """True if `take` would return something."""
        return self._next in self._held if self._ordered else bool(self._held)

    def put(self, index: int, item: Item) -> None:
        """Adds the result of the request with this index, counted from 0."""
        self._held[index] = item

    def take(self) -> list[tuple[int, Item]]:
        """Returns those that may go, in the order in which they go."""
        if not self._ordered:
            taken = list(self._held.items())
            self._held.clear()
            return taken
        ready: list[tuple[int, Item]] = []
        while self._next in self._held:
            ready.append((self._next, self._held.pop(self._next)))
            self._next += 1
        return ready
