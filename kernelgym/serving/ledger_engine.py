"""What all engines have in common: a ledger that knows the jobs, and a dispatch that tells workers of them."""

from collections.abc import Sequence
from typing import Protocol

from kernelgym.serving.dispatch import Dispatch
from kernelgym.serving.errors import LedgerUnavailable, TooBusy
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

    def __init__(self, ledger: KeptLedger, dispatch: Dispatch) -> None:
        self._ledger = ledger
        self._dispatch = dispatch

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        """See `Engine.submit`."""
        views: list[JobView] = []
        to_send: list[tuple[Order, str]] = []
        try:
            for order in orders:
                view, send = self._ledger.submit(order, waiter)
                views.append(view)
                if send:
                    to_send.append((order, view.id))
        except TooBusy:
            for _, id in to_send:
                self._ledger.cancel(id, waiter)
            raise
        self._send(to_send)
        return views

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
        try:
            for order, id in taken:
                queue = queue_for(order.task, route(order.task)[0])
                self._dispatch(queue, id, order.priority, order.request_id)
        except LedgerUnavailable:
            return
