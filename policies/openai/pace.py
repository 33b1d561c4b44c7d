"""Waiting: rate limits, and pauses between attempts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

LONGEST_S: Final = 60.0
"""Longest pause that we choose ourselves."""

SHORTEST_S: Final = 0.001
"""Shortest sleep: rounding must not turn a wait into a busy loop."""

Sleep = Callable[[float], Awaitable[None]]


class TokenBucket:
    """Lets no more than a number of units pass in any minute, as far as they are known beforehand; first come, first
    served.

    A tenth of a minute's units may pass at once; the bucket fills so slowly that those and what follows them stay under
    the limit in every window of 60 s. A single amount larger than the bucket passes when it is full, and what follows
    waits for it.

    Args:
        per_minute: The limit.
        clock: Monotonic time in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self, per_minute: int, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._burst = max(1.0, per_minute / 10)
        self._per_second = (per_minute + 1 - self._burst) / 60
        self._clock = clock
        self._sleep = sleep
        self._level = self._burst
        self._filled_at = clock()
        self._turn = asyncio.Lock()

    async def take(self, amount: float = 1.0) -> None:
        """Returns when `amount` units may pass."""
        async with self._turn:
            needed = min(amount, self._burst)
            while (missing := needed - self._fill()) > 0:
                await self._sleep(max(missing / self._per_second, SHORTEST_S))
            self._level -= amount

    def correct(self, difference: float) -> None:
        """Takes `difference` more units, without waiting, because they turned out to be more; negative: fewer."""
        self._level = min(self._burst, self._fill() - difference)

    def _fill(self) -> float:
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        return self._level


def pause_s(
    failures: int, first_s: float, retry_after_s: float | None, draw: Callable[[], float] = random.random
) -> float:
    """Returns how long to wait before the next attempt, in seconds.

    Args:
        failures: How many attempts have failed, at least 1; the pause doubles with each, up to `LONGEST_S`.
        first_s: Pause after the first one.
        retry_after_s: What the server asks for; at least that is waited.
        draw: A number in [0, 1): spreads clients that failed together over twice the time.
    """
    own = min(first_s * 2.0 ** (failures - 1), LONGEST_S) * (0.5 + 0.5 * draw())
    return own if retry_after_s is None else retry_after_s + min(own, first_s)
