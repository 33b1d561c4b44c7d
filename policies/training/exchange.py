"""How the processes of a training tell each other what they know: plain objects, gathered or sent from the first.

Whatever is decided about a batch is decided on gathered data by every process, so that all decide the same and make the
same calls. Every process makes every call, in the same order; one that does not leaves the others waiting.
"""

from dataclasses import dataclass
from typing import Any, Protocol


class Exchange(Protocol):
    """The processes of a training, seen from one of them; what is exchanged can be pickled."""

    @property
    def rank(self) -> int:
        """Which process this is, counted from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def gather(self, value: object) -> list[Any]:
        """Returns what each process gave, in the order of their ranks; the same everywhere."""
        ...

    def broadcast(self, value: object) -> Any:
        """Returns what the process of rank 0 gave; what others give is ignored."""
        ...


@dataclass(frozen=True, slots=True)
class SingleProcess:
    """A training of one process."""

    rank: int = 0
    size: int = 1

    def gather(self, value: object) -> list[Any]:
        """Returns the value alone."""
        return [value]

    def broadcast(self, value: object) -> Any:
        """Returns the value."""
        return value
