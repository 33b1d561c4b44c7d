"""Turns that are being played in other threads, and those that are finished but not yet asked for."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from kernelgym.envs.turn import Turn


@dataclass(slots=True)
class _Flight:
    future: Future[Turn | None]
    begun: float
    ended: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A turn that is finished."""

    index: int
    """Of its sub-environment."""
    future: Future[Turn | None]
    elapsed_s: float


class Flights:
    """Turns by the index of their sub-environment, at most one of each; for one caller.

    Args:
        pool: Plays them.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._open: dict[int, _Flight] = {}
        self._landed: queue.SimpleQueue[tuple[int, _Flight]] = queue.SimpleQueue()

    @property
    def open(self) -> tuple[int, ...]:
        """Sub-environments whose turn nobody has got yet, in the order in which they were started."""
        return tuple(self._open)

    def start(self, index: int, play: Callable[[], Turn | None]) -> None:
        """Begins a turn."""
        begun = time.monotonic()
        flight = _Flight(self._pool.submit(play), begun)
        self._open[index] = flight
        flight.future.add_done_callback(lambda _: self._land(index, flight))

    def next(self, timeout: float | None) -> Landing:
        """Returns the turn that finished first of those that are left; waits for it.

        Raises:
            TimeoutError: None did within `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                index, flight = self._landed.get(timeout=left) if left != 0 else self._landed.get_nowait()
            except queue.Empty:
                raise TimeoutError(f"no turn was finished within {timeout} s; in flight: {len(self._open)}") from None
            if self._open.get(index) is flight:  # not one that was given up
                del self._open[index]
                return Landing(index=index, future=flight.future, elapsed_s=flight.ended - flight.begun)

    def give_up(self) -> tuple[int, ...]:
        """Forgets all turns and returns whose they were; those that have begun are played on unheard."""
        given = self.open
        for flight in self._open.values():
            flight.future.cancel()
        self._open.clear()
        return given

    def _land(self, index: int, flight: _Flight) -> None:
        flight.ended = time.monotonic()
        self._landed.put((index, flight))
