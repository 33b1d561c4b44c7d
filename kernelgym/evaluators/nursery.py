"""The parent's end of a process in which workers are born (`kernelgym.evaluators.cradle`), and of those workers."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from sandboxes.isolation.channel import receive, send

START_TIMEOUT_S: Final = 60.0
"""Time a process has to import torch and Triton."""

BIRTH_TIMEOUT_S: Final = 10.0
"""Time that a fork may take."""

STATUS_TIMEOUT_S: Final = 5.0
"""Time that word of a worker's end may take."""

STATUS_BYTES: Final = 4


class WorkersProcess(Protocol):
    """What is asked of a worker's process, whoever has started it; `subprocess.Popen` has more."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Returns its exit status, negative for a signal; None as long as it lives."""

    def wait(self, timeout: float | None = None) -> int:
        """Returns its exit status when it has ended.

        Raises:
            subprocess.TimeoutExpired: It has not in time.
        """

    def kill(self) -> None:
        """Ends it; what has ended already is left alone."""


class BornProcess:
    """A worker that another process of ours has forked: implements `WorkersProcess`. May be asked by several threads.

    Args:
        pid: Its number.
        process: Its descriptor, which becomes this object's.
        status: Where its exit status can be read once, which becomes this object's, too.
    """

    def __init__(self, pid: int, process: int, status: int) -> None:
        self.pid = pid
        self._process = process
        self._status = status
        self._lock = threading.Lock()
        self._ended: int | None = None

    def poll(self) -> int | None:
        """See `WorkersProcess.poll`. Of one whose cradle has ended before it, nobody knows: then SIGKILL is assumed."""
        with self._lock:
            if self._ended is None and _readable(self._process, 0):
                raw = os.read(self._status, STATUS_BYTES) if _readable(self._status, STATUS_TIMEOUT_S) else b""
                whole = len(raw) == STATUS_BYTES
                self._ended = int.from_bytes(raw, sys.byteorder, signed=True) if whole else -signal.SIGKILL
                os.close(self._process)
                os.close(self._status)
            return self._ended

    def wait(self, timeout: float | None = None) -> int:
        """See `WorkersProcess.wait`."""
        deadline_s = None if timeout is None else time.monotonic() + timeout
        pause_s = 0.001
        while (status := self.poll()) is None:
            left_s = pause_s if deadline_s is None else deadline_s - time.monotonic()
            if left_s <= 0:
                raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0.0)
            time.sleep(min(pause_s, left_s))
            pause_s = min(0.05, 2 * pause_s)
        return status

    def kill(self) -> None:
        """See `WorkersProcess.kill`."""
        with self._lock:
            if self._ended is None:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)


class Nursery:
    """A process that has everything loaded, and workers as forks of it; started with the first one.

    One call at a time; only `close` may come from another thread, when nobody will call again.

    Args:
        module: What it runs, started at low priority, since nobody waits for it.
        environment: Its environment, and that of all its workers.
        log: File for what it prints.
    """

    def __init__(self, module: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._module = module
        self._environment = environment
        self._log = log
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def bear(self, arguments: Sequence[str], connection: int, log: int) -> BornProcess:
        """Returns a new worker, which is told `arguments`.

        Args:
            arguments: What comes after the descriptor of its connection.
            connection: A descriptor of it, here.
            log: A descriptor of the file for what it prints, here.

        Raises:
            OSError: There is no such process, or it does not do it; the next call starts another one.
        """
        try:
            channel = self._ready()
        except ValueError as error:
            raise OSError(f"the process that starts workers talks nonsense: {error}") from error
        ours, theirs = os.pipe()
        try:
            send(channel, {"arguments": list(arguments)}, [connection, log, theirs])
            message, (process,) = _await(channel, BIRTH_TIMEOUT_S, "to start a worker")
        except (OSError, ValueError) as error:
            os.close(ours)
            self._end()
            raise OSError(f"no worker was born: {error}") from error
        finally:
            os.close(theirs)
        return BornProcess(message["pid"], process, ours)

    def close(self) -> None:
        """Ends the process, not its workers, and starts no other; calling it again does nothing."""
        self._closed = True
        if (channel := self._channel) is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)  # whoever waits for an answer does not wait any longer
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        if process is not None:
            process.kill()
            process.wait()

    def _ready(self) -> socket.socket:
        if self._channel is not None and self._process is not None and self._process.poll() is None:
            return self._channel
        self._end()
        if self._closed:
            raise ConnectionError("it is closed")
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = channel
        try:
            with theirs, self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-m", *self._module, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self._environment),
                    start_new_session=True,
                )
            _await(channel, START_TIMEOUT_S, "to load what workers need")
        except (OSError, ValueError):
            self._end()
            raise
        return channel


def _await(channel: socket.socket, limit_s: float, what: str) -> tuple[dict[str, Any], list[int]]:
    """Returns the next message.

    Raises:
        OSError: None comes in time, or ever.
    """
    if not _readable(channel.fileno(), limit_s):
        raise TimeoutError(f"the process that starts workers took longer than {limit_s:g} s {what}")
    received = receive(channel)
    if received is None:
        raise ConnectionError(f"the process that starts workers has ended; it was {what}")
    return received


def _readable(descriptor: int, limit_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(1000 * limit_s))
