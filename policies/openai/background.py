"""An event loop in a thread of its own, for callers that wait in other threads."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, Final, TypeVar

from policies.errors import PolicyClosed

CLOSING_S: Final = 5.0
"""Time that everything under way gets to be cancelled."""

Result = TypeVar("Result")


class BackgroundLoop:
    """Runs coroutines for other threads; starts with the first one, ends with `close`.

    Args:
        at_end: Is awaited when everything else has ended.
    """

    def __init__(self, at_end: Callable[[], Awaitable[None]]) -> None:
        self._at_end = at_end
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def run(self, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Returns the result of the coroutine that `work` makes; waits for it.

        Raises:
            PolicyClosed: The loop is closed, or was while this waited.
            Exception: What the coroutine raises.
        """
        with self._lock:
            if self._closed:
                raise PolicyClosed
            future = asyncio.run_coroutine_threadsafe(work(), self._started())
        try:
            return future.result()
        except CancelledError:
            raise PolicyClosed from None
        finally:
            future.cancel()  # if the caller was interrupted, nobody waits for the answer any more

    def close(self) -> None:
        """Cancels what is under way and ends the thread; calling it again does nothing."""
        with self._lock:
            self._closed = True
            thread, loop = self._thread, self._loop
            self._thread = None
        if thread is not None and loop is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(CLOSING_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._work, args=(self._loop,), name="openai policy", daemon=True)
            self._thread.start()
        return self._loop

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(self._end())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._at_end()
