"""What all engines have in common: a ledger that knows the jobs, and a dispatch that tells workers of them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from kernelgym.serving.dispatch import BatchDispatch, Message
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import JobView, Order, Overview, Verdict
from kernelgym.serving.ledger.protocol import Ledger
from kernelgym.serving.ledger.upkeep import Upkeep
from kernelgym.serving.routing import queue_for, route


class KeptLedger(Ledger, Upkeep, Protocol):
    """A ledger that a janitor can look after."""


class LedgerEngine:
    """The part of an `Engine` that is the same wherever the work is done.

    Args:
        ledger: Truth about jobs.
        dispatch: Tells the workers.
    """

    def __init__(self, ledger: KeptLedger, dispatch: BatchDispatch) -> None:
        self._ledger = ledger
        self._dispatch = dispatch

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        """See `Engine.submit`."""
        taken = self._ledger.submit_many(orders, waiter)
        self._send([(order, view.id) for order, (view, send) in zip(orders, taken, strict=True) if send])
        return [view for view, _ in taken]

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        """See `Engine.view`."""
        return self._ledger.view(ids)

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        """See `Engine.wait`."""
        return self._ledger.wait(ids, timeout_s)

    def cancel(self, ids: Sequence[str], waiter: str) -> int:
        """See `Engine.cancel`."""
        return sum([self._ledger.cancel(id, waiter) for id in ids])

    def overview(self, recent: int = 50) -> Overview:
        """See `Engine.overview`."""
        return self._ledger.overview(recent)

    def verdicts(self, count: int) -> list[Verdict]:
        """See `Engine.verdicts`."""
        return self._ledger.verdicts(count)

    def once(self, key: str, digest: str) -> str:
        """See `Engine.once`."""
        return self._ledger.once(key, digest)

    def _send(self, taken: Sequence[tuple[Order, str]]) -> None:
        """Sends a message for each; what can't be sent now, the janitor sends: the ledger has noted it."""
        messages = [
            Message(
                queue=queue_for(order.task, route(order.task)[0]),
                id=id,
                priority=order.priority,
                request_id=order.request_id,
            )
            for order, id in taken
        ]
        with suppress(LedgerUnavailable):
            self._dispatch.send_many(messages)
