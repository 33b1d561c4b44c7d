"""What the processes of one training tell each other, over accelerate."""

from typing import Any

from accelerate.utils import broadcast_object_list, gather_object


class Processes:
    """All processes of a training; an `Exchange`.

    Args:
        accelerator: The trainer's.
    """

    def __init__(self, accelerator: Any) -> None:
        self.rank: int = accelerator.process_index
        self.size: int = accelerator.num_processes

    def gather(self, value: object) -> list[Any]:
        """Returns what each process gave, in the order of their ranks; the same everywhere."""
        return list(gather_object([value]))

    def broadcast(self, value: object) -> Any:
        """Returns what the process of rank 0 gave; what others give is ignored."""
        return broadcast_object_list([value], from_process=0)[0]
