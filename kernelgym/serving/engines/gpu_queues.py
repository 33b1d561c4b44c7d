"""Whether somebody measures on a GPU: who orders it in vain is told so at once, rather than after its deadline."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from kernelgym.evaluators.messages import Task
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

    def check(self, orders: Sequence[Order]) -> None:
        """Checks that all orders can be worked off, or have an answer already.

        Raises:
            NoSuchStation: One can't. At first it says when to ask again, for it is not certain yet.
            LedgerUnavailable: As the ledger's.
        """
        tasks: dict[str, list[Task]] = {}
        for order in orders:
            if Station.MEASURE in route(order.task):
                tasks.setdefault(queue_for(order.task, Station.MEASURE), []).append(order.task)
        for queue, wanted in sorted(tasks.items()):
            if not self._is_served(queue) and not self._are_known(wanted):
                raise NoSuchStation(self._explain(queue), None if self._is_certain(queue) else BEAT_EVERY_S)

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

    def _are_known(self, tasks: Sequence[Task]) -> bool:
        views = self._ledger.view(list({job_id(task) for task in tasks}))
        return all(view is not None and view.answer is not None and is_answer(view.answer) for view in views)

    def _is_certain(self, queue: str) -> bool:
        now = self._now()
        with self._lock:
            since, last = self._missed.get(queue, (now, now))
            since = since if now - last < FORGOTTEN_S else now
            self._missed[queue] = (since, now)
        return now - since >= CERTAIN_S
