"""What a worker's parent does beside Celery's work: keeps time while it ends, keeps a janitor, tidies up."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kernelgym.serving.celery_app import CeleryDispatch, RedisQueues, make_app
from kernelgym.serving.hosting.deaths import Deaths
from kernelgym.serving.hosting.ground import Ground
from kernelgym.serving.janitor import Deed, Janitor
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.telemetry.logs import log_event
from kernelgym.serving.working.command import Command, Commands
from kernelgym.serving.working.pulse import worker_id
from sandboxes.isolation import syscalls
from sandboxes.isolation.offspring import offspring_of

_LOG: Final = logging.getLogger(__name__)

LAST_S: Final = 10.0
"""What processes have to give back their jobs before they are killed."""

LOOK_EVERY_S: Final = 0.5


class Supervisor:
    """A thread of the parent.

    Args:
        redis_url: Whose jobs the janitor looks after.
        commands: What the processes are told.
        ground: Whose folders are tidied.
        family: What all processes of this worker have in their names.
        drain_s: How long jobs may go on once nothing new is taken.
        on_deed: Told what the janitor does.
    """

    def __init__(
        self,
        redis_url: str,
        commands: Commands,
        ground: Ground,
        family: str,
        drain_s: float,
        on_deed: Callable[[Deed, OpenJob], None] | None = None,
    ) -> None:
        self._redis_url = redis_url
        self._commands = commands
        self._ground = ground
        self._family = family
        self._drain_s = drain_s
        self._on_deed = on_deed or log_deed
        self._janitor = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._live, name="kernelgym-supervisor", daemon=True)

    def start(self) -> None:
        """Forks the janitor; a process of its own, so that no lock of its connections is held while Celery forks."""
        self._janitor = fork_janitor(self._redis_url, self._ground, self._family, self._on_deed)
        self._thread.start()

    def close(self) -> None:
        """Ends the janitor and the thread."""
        self._closed.set()
        self._thread.join(timeout=2 * LOOK_EVERY_S)
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._janitor, signal.SIGKILL)
            os.waitpid(self._janitor, 0)

    def _live(self) -> None:
        drained_s: float | None = None
        abandoned_s: float | None = None
        while not self._closed.wait(LOOK_EVERY_S):
            now_s = time.monotonic()
            with suppress(OSError):  # there is no room for a process now: this thread has an end to keep, too
                self._keep_janitor()
            self._ground.tidy()
            if self._commands.current is not Command.GO_ON:
                drained_s = drained_s or now_s
                if now_s - drained_s >= self._drain_s:
                    self._commands.give(Command.ABANDON)
            if self._commands.current is Command.ABANDON:
                abandoned_s = abandoned_s or now_s
                if now_s - abandoned_s >= LAST_S:
                    self._kill_all()

    def _keep_janitor(self) -> None:
        with suppress(ChildProcessError):
            if os.waitpid(self._janitor, os.WNOHANG) == (0, 0):
                return
        self._janitor = fork_janitor(self._redis_url, self._ground, self._family, self._on_deed)

    def _kill_all(self) -> None:
        """The end of patience: whatever still hangs loses its job, and the janitor of somebody else finds it."""
        for process in offspring_of(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        self._ground.remove()
        os._exit(1)


def log_deed(deed: Deed, job: OpenJob) -> None:
    """Writes what the janitor does to a job."""
    log_event(f"janitor_{deed}", job=job.id, request_id=job.request_id, queue=job.queue, worker=job.worker)


def fork_janitor(redis_url: str, ground: Ground, family: str, on_deed: Callable[[Deed, OpenJob], None]) -> int:
    """Returns the id of a process that looks after the ledger, and this worker's dead, until this one ends."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ledger = RedisLedger(redis_url)
        dispatch = CeleryDispatch(make_app(redis_url), ledger)
        janitor = Janitor(ledger, dispatch, RedisQueues(redis_url), worker_id("janitor"), on_deed=on_deed)
        janitor.start()
        deaths = Deaths(ledger, dispatch, family, ground.processes, on_deed)
        while os.getppid() == parent:
            deaths.look()
            time.sleep(LOOK_EVERY_S)
    except Exception:  # noqa: BLE001 # the boundary that records: the parent forks another one
        _LOG.exception("the keeper of a worker failed")
    finally:
        os._exit(0)
