"""An engine's methods block; here they run beside the event loop, on a bounded number of threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from kernelgym.serving.errors import TooBusy

THREADS: Final = 16
"""Calls of an engine at the same time."""

MAX_PENDING: Final = 4096
"""Calls under way or waiting for a thread; one more is refused, so that a ledger that hangs can't fill the memory."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs blocking calls; from any event loop."""

    def __init__(self, count: int = THREADS, max_pending: int = MAX_PENDING) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="kernelgym-http")
        self._max_pending = max_pending
        self._pending = 0

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns what `call` does, or raises what it raises.

        Raises:
            TooBusy: So many calls wait already that this one would only be one more to wait for.
        """
        if self._pending >= self._max_pending:
            raise TooBusy(self._pending, self._max_pending)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **kwargs))
        finally:
            self._pending -= 1

    def close(self) -> None:
        """Takes no more calls; those that run end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
