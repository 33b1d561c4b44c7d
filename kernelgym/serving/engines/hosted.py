"""The engine of many machines: the ledger in Redis, messages by Celery, work done by `kernelgym worker`."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import uuid4

from kernelgym.errors import BadUsage
from kernelgym.serving.celery_app import CeleryDispatch, RedisQueues, make_app
from kernelgym.serving.engines.gpu_queues import GpuQueues
from kernelgym.serving.engines.ledger_engine import LedgerEngine
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.identity import fingerprint, judge_versions
from kernelgym.serving.janitor import Janitor
from kernelgym.serving.jobs import JobView, Order, Overview
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import CPU_STATIONS, Station, queue_of
from sandboxes.contracts import Depth, EvalConfig

NEEDED: Final = tuple(CPU_STATIONS)
"""Stations without which hardly a job can be done."""


class HostedEngine(LedgerEngine):
    """Implements `Engine` on Redis and Celery; does no work itself, but for looking after the ledger.

    Args:
        redis_url: Of broker and ledger, e.g. `redis://localhost:6379/0`.
        bounds: How many jobs may be open, and how much is kept.
        janitor: Whether to look after the ledger; workers do so, too, and one leads.

    Raises:
        ValueError: The URL can't be parsed; quotes no password.
    """

    def __init__(self, redis_url: str, *, bounds: Bounds | None = None, janitor: bool = True) -> None:
        ledger = RedisLedger(redis_url, bounds=bounds)
        self._app = make_app(redis_url)
        self._queues = RedisQueues(redis_url)
        self._messages = CeleryDispatch(self._app, ledger)
        super().__init__(ledger, self._messages)
        self._gpus = GpuQueues(ledger, self._explain)
        self._janitor = Janitor(ledger, self._messages, self._queues, f"engine-{uuid4().hex[:12]}") if janitor else None
        self._closed = False
        if self._janitor is not None:
            self._janitor.start()

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        """See `Engine.submit`."""
        return super().submit(self._gpus.check(orders), waiter)

    def ready(self) -> str | None:
        """See `Engine.ready`."""
        try:
            overview = self._ledger.overview(recent=0)
        except LedgerUnavailable as error:
            return f"{error}; start Redis, or correct KERNELGYM_REDIS_URL"
        needed = {queue_of(station) for station in NEEDED}
        return unserved(overview, needed)

    def check(self, config: EvalConfig) -> None:
        """Returns if somebody serves what measures this configuration; for workers on CPUs a job waits.

        Raises:
            BadUsage: Nobody does now; says what would start one.
        """
        if config.device != "cuda" or config.depth is Depth.PRICED:
            return
        try:
            overview = self._ledger.overview(recent=0)
        except LedgerUnavailable:
            return  # who orders waits until it is back
        if (trouble := unserved(overview, {queue_of(Station.MEASURE, config.target)})) is not None:
            raise BadUsage(f"nothing can be measured there: {trouble}, on a machine that has such a GPU")

    def close(self) -> None:
        """Closes connections; what was submitted goes on. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._janitor is not None:
            self._janitor.close()
        self._messages.close()
        self._queues.close()
        self._ledger.close()

    def _explain(self, queue: str) -> str:
        said = unserved(self._ledger.overview(recent=0), {queue})
        return said or f"no worker served {queue.partition('@')[0]} until now; ask again"


def unserved(overview: Overview, needed: Collection[str]) -> str | None:
    """Returns which of the `needed` queues no living worker serves, and what to do; None if all are served."""
    served = {queue for worker in overview.workers if not worker.draining for queue in worker.queues}
    missing = sorted(set(needed) - served)
    if not missing:
        return None
    stations = ", ".join(queue.partition("@")[0] for queue in missing)
    words = f"no worker of version {fingerprint()} serves {stations}"
    ours, others = judge_versions(), {}
    for worker in overview.workers:
        for queue in worker.queues:
            if (theirs := queue.partition("@")[2]) != fingerprint():
                others[theirs] = worker.versions
    if others:
        named = "; ".join(f"{theirs} ({_difference(ours, versions)})" for theirs, versions in sorted(others.items()))
        return f"{words}, but there are workers of other versions: {named}; install the same on both"
    gpus = [station.partition(".")[2] for station in stations.split(", ") if station.startswith(f"{Station.MEASURE}.")]
    options = f" --gpu 0 --target {gpus[0]}" if gpus else ""
    return f"{words}; start one: kernelgym worker{options}"


def _difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Returns in what another judge differs from this one."""
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return ", ".join(f"{name} {theirs.get(name, 'none')} instead of {ours.get(name, 'none')}" for name in names)
