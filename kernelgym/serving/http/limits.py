"""How much a caller may ask for: requests in a minute, and jobs that are open at a time."""

import logging
import threading
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.threads import Threads
from kernelgym.serving.http.tokens import Caller
from kernelgym.serving.http.wire import ErrorCode

OPEN_RETRY_S: Final = 1.0
"""When to ask again while too many jobs are open."""

LOOK_FROM: Final = 1024
"""Jobs of a caller of which nobody has looked whether they are still open, from which on it is looked: most callers
never come near their limit, and what has ended is no reason to remember it."""

REDIS_S: Final = 1.0
"""Longest wait for the counters of all servers; without them, this server's own count."""

KEYS: Final = "kernelgym:limits"
"""How the keys of counters in Redis begin."""

_LOG = logging.getLogger("kernelgym.http")


@dataclass(slots=True)
class _Jobs:
    """A caller's jobs that were open when it was last looked, and those that came since."""

    ids: set[str] = field(default_factory=set)
    look_from: int = LOOK_FROM
    """Twice what was open then: looking costs little for each job, however many there are."""


class Limits:
    """Counts what each caller does.

    Args:
        engine: Knows which jobs are still open.
        threads: Where Redis is asked.
        redis_url: Where the requests of all servers together are counted; None: each counts its own.
    """

    def __init__(self, engine: Engine, threads: Threads, redis_url: str | None = None) -> None:
        self._engine = engine
        self._threads = threads
        self._requests = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else SlidingWindowCounterRateLimiter(_shared_counters(redis_url))
        self._open: dict[str, _Jobs] = {}
        self._lock = threading.Lock()

    async def check_rate(self, caller: Caller) -> None:
        """Counts a request.

        Raises:
            RequestRefused: with status 429.
        """
        item = RateLimitItemPerMinute(caller.requests_per_minute)
        allowed = self._requests.hit(item, caller.name)
        if allowed and self._shared is not None:
            allowed = await self._threads.run(self._hit_shared, self._shared, item, caller.name)
        if not allowed:
            message = f"the token {caller.name!r} may send {caller.requests_per_minute} requests a minute; wait"
            retry_after_s = max(1.0, 60.0 / caller.requests_per_minute)
            raise RequestRefused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_s=retry_after_s)

    def _hit_shared(self, shared: SlidingWindowCounterRateLimiter, item: RateLimitItemPerMinute, name: str) -> bool:
        try:
            return shared.hit(item, name)
        except StorageError as error:
            _LOG.warning("requests are counted by this server alone: %s", error.storage_error)
            return True

    def check_open(self, caller: Caller, count: int) -> None:
        """Checks that a caller may have `count` more jobs; may ask the engine.

        Raises:
            RequestRefused: with status 429.
        """
        with self._lock:
            jobs = self._open.setdefault(caller.name, _Jobs())
            if len(jobs.ids) + count <= min(caller.open_jobs, jobs.look_from):
                return
            mine = list(jobs.ids)
        ended = self._engine.wait(mine, 0) if mine else set()
        with self._lock:
            jobs.ids -= ended
            jobs.look_from = max(LOOK_FROM, 2 * (len(jobs.ids) + count))
            still = len(jobs.ids)
        if still + count <= caller.open_jobs:
            return
        message = (
            f"the token {caller.name!r} may have {caller.open_jobs} open jobs, has {still} and asks for {count} "
            "more; wait until some are done"
        )
        raise RequestRefused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_s=OPEN_RETRY_S)

    def opened(self, caller: Caller, ids: list[str]) -> None:
        """Notes jobs that a caller waits for now."""
        with self._lock:
            self._open.setdefault(caller.name, _Jobs()).ids.update(ids)

    def ended(self, caller: Caller, ids: list[str]) -> None:
        """Notes jobs that a caller has the answer of, or has cancelled."""
        with self._lock:
            if (jobs := self._open.get(caller.name)) is not None:
                jobs.ids.difference_update(ids)


def _shared_counters(redis_url: str) -> RedisStorage:
    uri = f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url
    return RedisStorage(
        uri, key_prefix=KEYS, wrap_exceptions=True, socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S
    )  # fmt: skip
