"""Frames to and from a worker that may stop in the middle of one: reading and writing it ends all the same."""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Final

from kernelgym.evaluators.attendance import Attendance
from kernelgym.evaluators.nursery import WorkersProcess
from sandboxes.devices.cuda.turn import Turn

SHORTEST_S: Final = 0.05
"""Pause between two attempts to shut a connection; the first may lack a file descriptor."""


class Deadline:
    """When a worker counts as hung: time in which it waits for others to have done with a GPU does not count.

    Args:
        limit_s: How long it may take.
        turn_s: How much of it a turn on a GPU may take.
        run_s: How much of that a run of the candidate's kernels may take.
    """

    def __init__(self, limit_s: float, turn_s: float = math.inf, run_s: float = math.inf) -> None:
        self._ends_s = time.monotonic() + limit_s
        self._turn_s = turn_s
        self._run_s = run_s
        self._turn_ends_s = self._run_ends_s = math.inf
        self._waits_since: float | None = None

    @property
    def ends_s(self) -> float:
        """On `time.monotonic`'s clock; never, while the worker waits."""
        return min(self._ends_s, self._turn_ends_s, self._run_ends_s) if self._waits_since is None else math.inf

    @property
    def passed(self) -> bool:
        """True if the time is up."""
        return time.monotonic() >= self.ends_s

    def turn(self, turn: Turn) -> None:
        """Notes that the worker waits for a GPU, uses it, or does not any more."""
        now = time.monotonic()
        if self._waits_since is not None:
            self._ends_s += now - self._waits_since
        self._waits_since = now if turn is Turn.WAITING else None
        self._run_ends_s = now + self._run_s if turn is Turn.RUNNING else math.inf
        if turn is Turn.BEGAN:
            self._turn_ends_s = now + self._turn_s
        elif turn in (Turn.WAITING, Turn.OVER):
            self._turn_ends_s = math.inf


@contextmanager
def watched(
    connection: "Connection[bytes, bytes]", process: WorkersProcess, attendance: Attendance, deadline_s: float
) -> Iterator[None]:
    """Within it, a frame that blocks fails with EOFError or OSError as soon as nothing is to be expected any more.

    That is where the worker has ended, has been stopped for too long, or the deadline (on `time.monotonic`'s clock) has
    passed. Our end of the connection is shut then, for what the worker has left behind may hold the other one open.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(max(SHORTEST_S, min(deadline_s, attendance.due_s) - time.monotonic())):
            attendance.look()
            if attendance.stopped or time.monotonic() >= deadline_s or process.poll() is not None:
                _shut(connection)

    watcher = threading.Thread(target=watch, name="kernelgym-frame", daemon=True)
    with suppress(RuntimeError):  # a machine without room for one more thread goes on unwatched
        watcher.start()
    try:
        yield
    finally:
        done.set()
        if watcher.ident is not None:
            watcher.join()


def _shut(connection: "Connection[bytes, bytes]") -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
