"""What the janitor needs of a ledger, beside what everybody does."""

from collections.abc import Sequence
from typing import Protocol

from kernelgym.serving.jobs import JobState, Priority
from kernelgym.serving.routing import Station
from sandboxes.contracts import Contract

Begun = tuple[str, str]
"""Which job, and which time: the same task is another job after it was cancelled, or ended as `infrastructure`."""


class OpenJob(Contract):
    """A job without an answer."""

    id: str
    state: JobState
    station: Station
    queue: str
    """The queue in which it waits, or waited (`routing.queue_for`)."""
    priority: Priority
    request_id: str
    worker: str = ""
    """Who runs it; empty while it waits."""
    token: str = ""
    sequence: int
    """Number of its newest message in its queue and priority; 0 if none was sent yet."""
    submitted: str
    """When it was submitted, in the ledger's own words: tells jobs with one id apart, and is no time to count with."""

    @property
    def begun(self) -> Begun:
        """What no other job has, before or after it."""
        return self.id, self.submitted


class Upkeep(Protocol):
    """Atomic like the rest of the ledger. No method tells a time: who watches uses a monotonic clock of its own.

    That way a clock that jumps, here or there, takes no job from a worker and expires none.
    """

    def lead(self, who: str, seconds: float) -> bool:
        """True if `who` is the one janitor now and for some seconds; two at a time do no harm."""
        ...

    def open_jobs(self) -> list[OpenJob]:
        """Returns all jobs without an answer."""
        ...

    def deadlines(self, ids: Sequence[str]) -> dict[str, float]:
        """Returns the patience of the most patient waiter of each job, seconds since its submission."""
        ...

    def sending(self, id: str) -> int:
        """Numbers a message about to be sent: 1, 2, 3 ... in each queue and priority, kept as the job's `sequence`.

        Returns 0 if the job does not wait any more: nothing is to be sent. Where a queue has run empty, numbers begin
        again.
        """
        ...

    def sending_many(self, ids: Sequence[str]) -> list[int]:
        """Numbers several messages about to be sent, in their order; one number for each, as of `sending`."""
        ...

    def overtaken(self, queue: str, priority: Priority) -> int:
        """Returns the highest number that a worker has claimed in a queue: messages go first in, first out, so that a
        job with a lower number that still waits has lost its message (or will lose nothing by a second one)."""
        ...

    def beats(self) -> dict[str, int]:
        """Returns `WorkerView.beat` of all workers that have not left."""
        ...

    def forget_worker(self, worker: str) -> None:
        """Strikes a worker off that has not left by itself."""
        ...
