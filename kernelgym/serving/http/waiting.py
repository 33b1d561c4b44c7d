"""One waiter for all who wait: a thousand long polls cost two threads, not a thousand.

Engines can wait for many jobs at a time, but not be told of another job meanwhile. So there are two threads: one waits
for everything that is watched, long; the other for those that came after the first began, in short turns. The first one
takes these over when it comes back.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

from kernelgym.serving.engines.engine import Engine
from kernelgym.serving.errors import LedgerUnavailable

LONG_S: Final = 1.0
"""Longest turn of the first thread."""

SHORT_S: Final = 0.05
"""Longest turn of the second one: how late the end of a new job may be noticed."""

PAUSE_S: Final = 2e-5
"""Seconds per watched job between two turns, at most `SHORT_S`: where thousands wait, ends are told in handfuls."""

OUTAGE_S: Final = 10.0
"""How long the ledger may be away until those who wait are told."""

IDLE_S: Final = 5.0
"""How long a thread stays without work."""

_LOG = logging.getLogger("kernelgym.http")


class Watch:
    """Somebody who waits for jobs; belongs to the event loop in which it was made."""

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids = frozenset(ids)
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._ended: set[str] = set()
        self._error: LedgerUnavailable | None = None

    async def next(self, timeout_s: float) -> set[str]:
        """Returns the jobs that have ended since the last call, as soon as there is one.

        Empty after `timeout_s`, or if everybody is sent home because the server ends.

        Raises:
            LedgerUnavailable: The ledger has been away for `OUTAGE_S`.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), timeout_s)
        self._event.clear()
        if self._error is not None:
            raise self._error
        ended, self._ended = self._ended, set()
        return ended

    def tell(self, ended: set[str], error: LedgerUnavailable | None = None) -> None:
        """Wakes who waits; from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop has ended, and with it whoever waited
            self._loop.call_soon_threadsafe(self._note, ended, error)

    def _note(self, ended: set[str], error: LedgerUnavailable | None) -> None:
        self._ended |= ended
        self._error = error
        self._event.set()


class Waiter:
    """Waits for the jobs of all watches together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._watches: dict[str, set[Watch]] = {}
        self._fresh: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._everybody: set[Watch] = set()
        self.draining = False
        """Whether everybody is sent home."""

    @contextlib.contextmanager
    def watching(self, ids: Sequence[str]) -> Iterator[Watch]:
        """Watches jobs until the block ends."""
        watch = Watch(ids)
        with self._changed:
            for id in watch.ids:
                if id not in self._watches:
                    self._fresh.add(id)
                self._watches.setdefault(id, set()).add(watch)
            self._everybody.add(watch)
            self._start()
            self._changed.notify_all()
        if self.draining:
            watch.tell(set())
        try:
            yield watch
        finally:
            with self._changed:
                self._everybody.discard(watch)
                for id in watch.ids:
                    self._leave(id, watch)

    def drain(self) -> None:
        """Sends everybody home, now and from now on: what they wait for is told by the next server they ask."""
        with self._changed:
            self.draining = True
            everybody = list(self._everybody)
        for watch in everybody:
            watch.tell(set())

    def _start(self) -> None:
        for name in ("long", "short"):
            thread = self._threads.get(name)
            if thread is None or not thread.is_alive():
                target = self._wait_long if name == "long" else self._wait_short
                self._threads[name] = threading.Thread(target=target, name=f"kernelgym-waiter-{name}", daemon=True)
                self._threads[name].start()

    def _leave(self, id: str, watch: Watch) -> None:
        watches = self._watches.get(id)
        if watches is not None:
            watches.discard(watch)
            if not watches:
                del self._watches[id]
                self._fresh.discard(id)

    def _wait_long(self) -> None:
        away_since: float | None = None
        while ids := self._some("long"):
            try:
                ended = self._engine.wait(ids, LONG_S)
            except LedgerUnavailable as error:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > OUTAGE_S:
                    self._tell_outage(error)
                time.sleep(SHORT_S * 4)
                continue
            away_since = None
            self._tell(ended)
            if ended:
                time.sleep(min(SHORT_S, PAUSE_S * len(ids)))

    def _wait_short(self) -> None:
        while ids := self._some("short"):
            try:
                self._tell(self._engine.wait(ids, SHORT_S))
            except LedgerUnavailable:
                time.sleep(SHORT_S * 4)  # the other thread keeps the time of the outage

    def _some(self, name: str) -> list[str]:
        """Returns what to wait for; nothing if there was nothing for a while, and the thread has to end."""
        with self._changed:
            mine = self._watches if name == "long" else self._fresh
            if not self._changed.wait_for(lambda: bool(mine), IDLE_S):
                del self._threads[name]
                return []
            ids = list(mine)
            if name == "long":
                self._fresh.clear()
            return ids

    def _tell(self, ended: set[str]) -> None:
        by_watch: dict[Watch, set[str]] = {}
        with self._changed:
            for id in ended:
                self._fresh.discard(id)
                for watch in self._watches.pop(id, ()):
                    by_watch.setdefault(watch, set()).add(id)
        for watch, ids in by_watch.items():
            watch.tell(ids)

    def _tell_outage(self, error: LedgerUnavailable) -> None:
        _LOG.warning("the ledger is away; everybody who waits is told: %s", error)
        with self._changed:
            everybody = list(self._everybody)
        for watch in everybody:
            watch.tell(set(), error)
