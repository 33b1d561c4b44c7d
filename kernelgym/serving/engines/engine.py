"""What stands behind evaluators and the HTTP API: takes orders, answers them, wherever the work is done."""

from collections.abc import Sequence
from typing import Protocol

from kernelgym.serving.jobs import JobView, Order, Overview, Verdict


class Engine(Protocol):
    """Has orders worked off; `EmbeddedEngine` in this process tree, `HostedEngine` by Celery workers.

    Every method may be used from several threads, and raises `LedgerUnavailable` where the ledger does.
    """

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        """Orders tasks; what is known is answered at once, equal tasks are computed once.

        Args:
            orders: What is wanted; all or none of them are taken.
            waiter: Who wants it: whoever cancels under this name cancels for itself alone.

        Raises:
            TooBusy: There is no room for that many; none was taken.
            NoSuchStation: A task needs a GPU that no worker here has, or has had of late; none was taken.
        """
        ...

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        """Returns how far jobs are; None for unknown ones: submit them again."""
        ...

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        """Returns those of `ids` that are done, cancelled or unknown, as soon as there is one; empty at the timeout."""
        ...

    def cancel(self, ids: Sequence[str], waiter: str) -> int:
        """Takes `waiter`'s interest back; returns how many jobs nobody wants any more. Those that run are stopped."""
        ...

    def overview(self, recent: int = 50) -> Overview:
        """Returns everything a status page shows."""
        ...

    def verdicts(self, count: int) -> list[Verdict]:
        """Returns the newest verdicts, newest first."""
        ...

    def once(self, key: str, digest: str) -> str:
        """Returns the digest with which `key` came first, within a day: that of an idempotency key's first request."""
        ...

    def ready(self) -> str | None:
        """Returns None if orders can be worked off, else why not, in a sentence with a remedy."""
        ...

    def close(self) -> None:
        """Ends every process, thread and connection it opened; calling it again does nothing."""
        ...
