"""Whether somebody measures on a GPU: who orders it in vain is told so at once, rather than after its deadline."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from kernelgym.serving.errors import NoSuchStation
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import Order
from kernelgym.serving.ledger.protocol import SERVED_S, Ledger
from kernelgym.serving.ledger.records import is_answer
from kernelgym.serving.routing import Station, queue_for, route
from kernelgym.serving.working.pulse import BEAT_EVERY_S

CERTAIN_S: Final = 3 * BEAT_EVERY_S
"""How long no worker may have been heard of before that is certain: a store that was just emptied knows none."""

FORGOTTEN_S: Final = 60.0
"""After which what nobody has asked for meanwhile is uncertain again."""

TRUST_S: Final = 30.0
"""How long it is not looked again."""


class GpuQueues:
    """Refuses orders for GPUs that no worker has, or has had of late.

    A worker that is restarted loses nobody's order: its queue counts as served for `SERVED_S`, here and in the ledger.

    Args:
        ledger: Knows who serves which queue.
        explain: Says of a queue who might serve it.
        now: Monotonic clock.
    """

    def __init__(
        self, ledger: Ledger, explain: Callable[[str], str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._explain = explain
        self._now = now
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}
        self._missed: dict[str, tuple[float, float]] = {}
        self._gpus: dict[str, tuple[str, float]] = {}

    def check(self, orders: Sequence[Order]) -> list[Order]:
        """Checks that all orders can be worked off, or have an answer already.

        Returns:
            The orders, those that are measured with who measures them.

        Raises:
            NoSuchStation: One can't. At first it says when to ask again, for it is not certain yet. Or it would be
                measured by one of several GPUs or drivers that differ.
            LedgerUnavailable: As the ledger's.
        """
        named = [self._named(order) for order in orders]
        measured: dict[str, list[Order]] = {}
        for order in named:
            if Station.MEASURE in route(order.task):
                measured.setdefault(queue_for(order.task, Station.MEASURE), []).append(order)
        for queue, wanted in sorted(measured.items()):
            if not self._is_served(queue) and not self._are_known(wanted):
                raise NoSuchStation(self._explain(queue), None if self._is_certain(queue) else BEAT_EVERY_S)
        return named

    def _named(self, order: Order) -> Order:
        if Station.MEASURE not in route(order.task):
            return order
        return order.model_copy(update={"gpu": self._gpu_of(queue_for(order.task, Station.MEASURE))})

    def _gpu_of(self, queue: str) -> str:
        """Returns what measures the jobs of a queue; what did so last if nobody does now, empty if nobody knows."""
        now = self._now()
        known, at = self._gpus.get(queue, ("", -math.inf))
        if now - at < TRUST_S:
            return known
        workers = self._ledger.overview(recent=0).workers
        found = sorted({worker.gpu for worker in workers if queue in worker.queues and worker.gpu})
        if not found:
            return known
        if len(found) > 1:
            raise NoSuchStation(
                f"{queue.partition('@')[0]} is served by GPUs or drivers that differ ({'; '.join(found)}), and their "
                "times must not be mixed: stop the workers of all but one, or give the others a Redis of their own",
                BEAT_EVERY_S,
            )
        with self._lock:
            self._gpus[queue] = (found[0], now)
        return found[0]

    def _is_served(self, queue: str) -> bool:
        now = self._now()
        age_s = now - self._seen.get(queue, -math.inf)
        if age_s < TRUST_S:
            return True
        if self._ledger.served(queue):
            with self._lock:
                self._seen[queue] = now
                self._missed.pop(queue, None)
            return True
        return age_s < SERVED_S

    def _are_known(self, orders: Sequence[Order]) -> bool:
        views = self._ledger.view(list({job_id(order.task, order.gpu) for order in orders}))
        return all(view is not None and view.answer is not None and is_answer(view.answer) for view in views)

    def _is_certain(self, queue: str) -> bool:
        now = self._now()
        with self._lock:
            since, last = self._missed.get(queue, (now, now))
            since = since if now - last < FORGOTTEN_S else now
            self._missed[queue] = (since, now)
        return now - since >= CERTAIN_S
