"""A warm spare: a second worker process that has everything loaded and a GPU open, and waits to take over.

A kernel that touches memory of nobody's makes the GPU useless to its process. Starting another one takes seconds, which
is what such a candidate would cost all that come after it. The next spare is started in the background: one at a time
in this process, whoever it is for, and after failures only after a while, so that a crash loop stays a quiet one.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from kernelgym.evaluators.started import StartedWorker

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0

_LOG: Final = logging.getLogger(__name__)
_ONE_AT_A_TIME: Final = threading.Lock()


class Spare:
    """At most one process that waits, or is about to. Methods may be called from several threads.

    Args:
        start: Starts a process that says when it is warm.
        give_up: Called when it is closed: a start that is under way fails, if it can be made to.
    """

    def __init__(self, start: Callable[[], StartedWorker], give_up: Callable[[], None] = lambda: None) -> None:
        self._start = start
        self._give_up = give_up
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready: StartedWorker | None = None
        self._failures = 0
        self._closed = threading.Event()

    @property
    def ready(self) -> bool:
        """True if one waits."""
        return self._ready is not None

    @property
    def failed(self) -> bool:
        """True if the last one did not start."""
        return self._failures > 0

    def begin(self) -> None:
        """Sees to it that there will be one; returns at once."""
        with self._lock:
            if self._closed.is_set() or self._ready is not None or self._thread is not None:
                return
            self._thread = threading.Thread(target=self._work, name="kernelgym-spare", daemon=True)
            self._thread.start()

    def take(self) -> StartedWorker | None:
        """Returns one that is ready; waits for one that is being started, for two starts would take longer than one.

        Returns:
            None if there is none, and none about to be.
        """
        with self._lock:
            thread = self._thread
        if thread is not None and not self.failed:
            thread.join()
        with self._lock:
            taken, self._ready = self._ready, None
        if taken is not None and not taken.alive:
            taken.kill()
            return None
        return taken

    def close(self) -> None:
        """Ends it; calling it again does nothing."""
        self._closed.set()
        self._give_up()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()
        with self._lock:
            waiting, self._ready = self._ready, None
        if waiting is not None:
            waiting.kill()

    def _work(self) -> None:
        try:
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._failures - 1)) if self._failures else 0.0
            if self._closed.wait(pause_s):
                return
            with _ONE_AT_A_TIME:
                if not self._closed.is_set():
                    self._launch()
        finally:
            with self._lock:
                self._thread = None

    def _launch(self) -> None:
        began_s = time.monotonic()
        started: StartedWorker | None = None
        try:
            started = self._start()
            while not started.connection.poll(0.1):
                if self._closed.is_set() or not started.alive:
                    break
            if self._closed.is_set():
                started.kill()
                return
            started.await_ready()
        except (EOFError, OSError, ValidationError) as error:
            if self._closed.is_set():
                if started is not None:
                    started.kill()
                return
            self._failures += 1
            words = "" if started is None else _last_line(started)
            _LOG.warning("a spare worker did not start (%s): %s", error or "it ended", words)
            if started is not None:
                started.kill()
            return
        self._failures = 0
        _LOG.debug("a spare worker is ready after %.1f s", time.monotonic() - began_s)
        with self._lock:
            self._ready = started


def _last_line(started: StartedWorker) -> str:
    lines = started.log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else "it said nothing"
