"""The sign of life of one worker: a thread that says that it is there, on what it works, and asks whether to go on."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Claim, WorkerView
from kernelgym.serving.ledger.protocol import Ledger
from kernelgym.serving.working.command import Command, Commands
from sandboxes.contracts import Stage
from sandboxes.isolation.offspring import offspring_of

_LOG: Final = logging.getLogger(__name__)

BEAT_EVERY_S: Final = 2.0
TICK_S: Final = 0.25
"""How soon a command is obeyed, or a stage told that began."""

_OWN_BYTES: Final = 4
_MIB: Final = 2**20
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def worker_id(name: str | None = None, family: str = "") -> str:
    """Returns a name that no other worker has had, or will have.

    Args:
        name: What it begins with; None: the host's name.
        family: What the processes of one worker have in common, so that these know each other.
    """
    return f"{(name or socket.gethostname())[:100]}-{os.getpid()}-{family}{secrets.token_hex(_OWN_BYTES)}"


def process_of(worker: str, family: str) -> int | None:
    """Returns the id of the process that has made itself a name, if it is of a family."""
    _, process, last = worker.rsplit("-", 2) if worker.count("-") >= 2 else ("", "", "")
    return int(process) if process.isdecimal() and last[: -2 * _OWN_BYTES] == family else None


def memory_mib(pid: int) -> float:
    """Returns the resident memory of a process and all it has started; pages that they share count each time."""
    total = 0
    processes = [pid]
    with suppress(OSError):  # no room for a file descriptor
        processes += offspring_of(pid)
    for process in processes:
        with suppress(OSError, IndexError, ValueError):  # it may just have ended
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_BYTES
    return round(total / _MIB, 1)


class Pulse:
    """Beats for one worker until it is closed.

    Args:
        ledger: Where to.
        view: Who it is.
        commands: What the worker is told.
        stop: Ends the evaluation under way; called where the job is not wanted, or has to be given back.
    """

    def __init__(self, ledger: Ledger, view: WorkerView, commands: Commands, stop: Callable[[], None]) -> None:
        self._ledger = ledger
        self._view = view
        self._commands = commands
        self._stop = stop
        self._claim: Claim | None = None
        self._changing = threading.Lock()
        self._news = False
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._live, name="kernelgym-pulse", daemon=True)

    @property
    def worker(self) -> str:
        """Under which name it beats."""
        return self._view.id

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def busy(self, claim: Claim) -> None:
        """Notes that work on a job begins."""
        with self._changing:
            self._claim = claim
        self._tell(job=claim.id, station=claim.station, stage=None)

    def stage(self, stage: Stage) -> None:
        """Notes that a stage of the job begins."""
        self._tell(stage=str(stage))

    def sheltered(self, words: str) -> None:
        """Notes what candidates run in."""
        self._tell(sandbox=words)

    def idle(self, *, finished: bool) -> None:
        """Notes that it does not work on the job any more."""
        with self._changing:
            self._claim = None
        self._tell(job=None, station=None, stage=None, done=self._view.done + finished)

    def renew(self) -> None:
        """Goes on under another name: whatever the ledger holds against the old one is lost after the lease."""
        name, _, last = self._view.id.rsplit("-", 2)
        self._tell(id=worker_id(name, last[: -2 * _OWN_BYTES]))

    def close(self) -> None:
        """Stops beating, and says so; calling it again does nothing."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * BEAT_EVERY_S)
        with suppress(LedgerUnavailable):  # then it is found out by the lease
            self._ledger.leave(self._view.id)

    def _tell(self, **changes: object) -> None:
        with self._changing:
            self._view = self._view.model_copy(update=changes)
            self._news = True

    def _live(self) -> None:
        next_beat_s = 0.0
        while True:
            if self._commands.current is Command.ABANDON:
                self._stop_if(lambda claim: claim is not None)
            draining = self._commands.current is not Command.GO_ON
            if draining != self._view.draining:
                self._tell(draining=draining)
            if time.monotonic() >= next_beat_s:
                next_beat_s = time.monotonic() + BEAT_EVERY_S
                self._tell(memory_mib=memory_mib(os.getpid()))
            if self._news:
                try:
                    self._beat()
                except Exception:  # noqa: BLE001 # the boundary that records: a worker that works must not seem dead
                    _LOG.exception("a beat failed")
            if self._closed.wait(TICK_S):
                return

    def _beat(self) -> None:
        """Beats, and stops the work if the job isn't wanted or isn't ours any more."""
        with self._changing:
            claim, view, self._news = self._claim, self._view, False
        try:
            self._ledger.beat(view)
            wanted = claim is None or self._ledger.note(claim.id, claim.token, view.stage or "")
        except LedgerUnavailable:
            return  # nobody is taken for dead while the ledger is away; the next beat will do
        if not wanted and claim is not None:
            self._stop_if(lambda now: now is not None and now.token == claim.token)

    def _stop_if(self, matches: Callable[[Claim | None], bool]) -> None:
        with self._changing:  # or the next job would be stopped for this one
            if matches(self._claim):
                self._stop()
