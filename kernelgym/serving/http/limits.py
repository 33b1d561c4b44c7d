"""How much a caller may ask for: requests in a minute, and jobs that are open at a time."""

import threading

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from kernelgym.serving.engine import Engine
from kernelgym.serving.http.refusals import RequestRefused
from kernelgym.serving.http.tokens import Caller
from kernelgym.serving.http.wire import ErrorCode

OPEN_RETRY_S = 1.0
"""When to ask again while too many jobs are open."""


class Limits:
    """Counts what each caller does, on this server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._requests = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._open: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def check_rate(self, caller: Caller) -> None:
        """Counts a request.

        Raises:
            RequestRefused: with status 429.
        """
        item = RateLimitItemPerMinute(caller.requests_per_minute)
        if not self._requests.hit(item, caller.name):
            message = f"the token {caller.name!r} may send {caller.requests_per_minute} requests a minute; wait"
            retry_after_s = max(1.0, 60.0 / caller.requests_per_minute)
            raise RequestRefused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_s=retry_after_s)

    def check_open(self, caller: Caller, count: int) -> None:
        """Checks that a caller may have `count` more jobs; may ask the engine.

        Raises:
            RequestRefused: with status 429.
        """
        with self._lock:
            mine = list(self._open.get(caller.name, ()))
        if len(mine) + count <= caller.open_jobs:
            return
        ended = self._engine.wait(mine, 0) if mine else set()
        with self._lock:
            still = self._open.setdefault(caller.name, set())
            still -= ended
            if len(still) + count <= caller.open_jobs:
                return
        message = (
            f"the token {caller.name!r} may have {caller.open_jobs} open jobs, has {len(still)} and asks for {count} "
            "more; wait until some are done"
        )
        raise RequestRefused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_s=OPEN_RETRY_S)

    def opened(self, caller: Caller, ids: list[str]) -> None:
        """Notes jobs that a caller waits for now."""
        with self._lock:
            self._open.setdefault(caller.name, set()).update(ids)

    def ended(self, caller: Caller, ids: list[str]) -> None:
        """Notes jobs that a caller has the answer of, or has cancelled."""
        with self._lock:
            self._open.get(caller.name, set()).difference_update(ids)
