"""The ledger: the one place that knows which jobs there are, who works on them and what came of it.

A queue only carries ids. Messages may be lost, doubled or late: a job is in the ledger until it has one answer, only
the first answer counts, and whoever keeps the ledger (`janitor`) sends a lost message again. If the ledger itself is
lost, the ones who wait submit again: the id is a hash of what was asked, so nothing is computed twice that is known.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from kernelgym.serving.jobs import Answer, Claim, JobView, Order, Overview, Priority, Verdict, WorkerView
from kernelgym.serving.routing import Station

SERVED_S: Final = 3600.0
"""How long a queue counts as served after its last worker's last beat: workers restart, and their hosts do."""


class Ledger(Protocol):
    """State of all jobs; every method is atomic, and safe from several threads and processes.

    Every method raises `LedgerUnavailable` if the store can't be reached or takes no more; what was asked has then
    either happened or not, and asking again is harmless.
    """

    def submit(self, order: Order, waiter: str) -> tuple[JobView, bool]:
        """Notes that `waiter` wants the answer to `order.task`.

        Returns:
            How far it is, and whether a message has to be sent: because this is a new job, whose id somebody has to
            put into the queue of its first station, or because it waits and has become more urgent, so that it belongs
            into its queue a second time, with the new priority (`Upkeep.sending` first). An answer that is known is
            returned at once (`cached`); one under way is joined: its priority and deadline become the more urgent and
            the later of both. An answer that is `infrastructure`, and a job that was cancelled, are no answers to
            somebody new: the job begins again.

        Raises:
            TooBusy: There is no room for another job.
        """
        ...

    def submit_many(self, orders: Sequence[Order], waiter: str) -> list[tuple[JobView, bool]]:
        """Submits several orders, all or none, in a few steps that others may get in between; returns one row for each.

        If the store fails between two steps, some were taken: asking again joins them, and the janitor sends them.

        Raises:
            TooBusy: There is no room for all jobs that would be new; nothing was noted, not even that `waiter` wants
                the ones that there are.
        """
        ...

    def claim(self, id: str, station: Station, worker: str) -> Claim | None:
        """Takes a job that waits for `station`; None if it is done, unknown, elsewhere or somebody else's by now.

        A job whose worker was lost `MAX_ATTEMPTS` times is quarantined here instead: settled as `infrastructure`.
        """
        ...

    def bundle(self, id: str) -> bytes | None:
        """Returns what the station before has left for the next one."""
        ...

    def note(self, id: str, token: str, stage: str) -> bool:
        """Notes what the holder of `token` is doing; False if the job isn't its own any more, or nobody wants it."""
        ...

    def advance(
        self, id: str, token: str, station: Station, bundle: bytes, timings_s: Mapping[str, float]
    ) -> Priority | None:
        """Sends a job on to the next station with what that needs; None if the token isn't valid any more.

        Returns:
            The present priority, which may have risen since the claim: that with which somebody has to send it.
        """
        ...

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: Mapping[str, float]) -> bool:
        """Notes the answer and tells all waiters; False if there was one already, or the job is unknown.

        A holder whose token isn't valid any more may still answer first: its answer is as good as any other, unless it
        is `infrastructure`, where somebody else may do better (False). Without a token the answer is the keeper's
        (expired).
        """
        ...

    def release(self, id: str, token: str, *, lost: bool) -> Priority | None:
        """Gives a job back to the queue of its station; only if `lost`, the attempt counts.

        Returns:
            As `advance`.
        """
        ...

    def cancel(self, id: str, waiter: str) -> bool:
        """Notes that `waiter` does not want it any more; True if nobody does, so that the job is cancelled."""
        ...

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        """Returns how far jobs are, with answers; None for unknown ones, and for answers that can't be read."""
        ...

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        """Returns those of `ids` that are done, cancelled or unknown, as soon as there is one; empty at the timeout."""
        ...

    def beat(self, worker: WorkerView) -> None:
        """Notes that a worker lives, and what it does; the ledger counts `beat` itself."""
        ...

    def served(self, queue: str) -> bool:
        """Returns whether a worker serves a queue, or did within `SERVED_S`; False after the store was lost, too."""
        ...

    def leave(self, worker: str) -> None:
        """Notes that a worker has ended."""
        ...

    def once(self, key: str, digest: str) -> str:
        """Returns the digest with which `key` came first, within a day."""
        ...

    def overview(self, recent: int = 50) -> Overview:
        """Returns everything a status page shows."""
        ...

    def verdicts(self, count: int) -> list[Verdict]:
        """Returns the newest verdicts, newest first, as many as are kept (a few thousand)."""
        ...

    def close(self) -> None:
        """Closes connections; what is known stays."""
        ...
