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


@dataclass(frozen=True, slots=True)
class DistributedProcesses:
    """The processes of torch's default group, e.g. those that `accelerate launch` started.

    They pickle for each other, which is for processes of one training only: they run the same code for the same user.
    """

    rank: int
    size: int

    def gather(self, value: object) -> list[Any]:
        """Returns what each process gave. See `Exchange`."""
        from torch import distributed  # noqa: PLC0415 - heavy, and loaded already wherever there are processes

        gathered: list[Any] = [None] * self.size
        distributed.all_gather_object(gathered, value)
        return gathered

    def broadcast(self, value: object) -> Any:
        """Returns what rank 0 gave. See `Exchange`."""
        from torch import distributed  # noqa: PLC0415 - as above

        sent = [value]
        distributed.broadcast_object_list(sent, src=0)
        return sent[0]


def current_exchange() -> Exchange:
    """Returns the exchange among the processes that torch has been told of; this process alone if it has not."""
    from torch import distributed  # noqa: PLC0415 - heavy; a batch can be collected without

    if not (distributed.is_available() and distributed.is_initialized()):
        return SingleProcess()
    return DistributedProcesses(distributed.get_rank(), distributed.get_world_size())
