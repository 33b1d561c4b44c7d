"""A Redis server of one's own, to which a test may do everything that can happen to one."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from ctypes.util import find_library
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis

PROGRAM = "redis-server"
STARTS_IN_S = 20.0


def free_port() -> int:
    """Returns a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def faketime(clock: Path) -> dict[str, str]:
    """Returns the environment of a program whose wall clock is what the file `clock` says; skips without libfaketime.

    The C library's malloc goes before jemalloc: that asks for the time before libfaketime can tell it, and hangs.
    """
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    libc = find_library("c")
    if library is None or libc is None:
        pytest.skip("needs libfaketime; install Debian's package faketime")
    return {
        "LD_PRELOAD": f"{library}:{libc}",
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


class RedisServer:
    """A private `redis-server` on loopback; its data survives `kill` and `start` only with `appendonly`.

    Args:
        folder: Where it keeps its files.
        appendonly: Write every change to a file before it is answered.
        movable_clock: Let `set_clock` move its wall clock (by libfaketime; the test is skipped without it).
        options: More options of the configuration, e.g. `{"requirepass": "secret"}`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        appendonly: bool = False,
        movable_clock: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if shutil.which(PROGRAM) is None:
            pytest.skip("needs redis-server; install Debian's package redis-server")
        self.folder = folder
        self.port = free_port()
        self._environment = dict(os.environ)
        durable = {"appendonly": "yes", "appendfsync": "always"} if appendonly else {}
        self._options = durable | dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = folder / "clock"
        if movable_clock:
            self.set_clock("+0")
            self._environment |= faketime(self._clock)

    @property
    def url(self) -> str:
        """Address of database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id; the server has to run."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def client(self, timeout_s: float = 5.0) -> "redis.Redis":
        """Returns a plain client; close it."""
        return redis.Redis(
            port=self.port, password=self._options.get("requirepass"), socket_timeout=timeout_s, protocol=2
        )

    def start(self) -> Self:
        """Starts the server, again on the same port with the same files, and waits until it answers."""
        command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        command += [word for name, value in self._options.items() for word in (f"--{name}", value)]
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + STARTS_IN_S
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return self
            except (redis.ConnectionError, redis.TimeoutError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    pytest.fail(f"redis-server did not start:\n{(self.folder / 'log.txt').read_text()[-2000:]}")
                time.sleep(0.02)

    def kill(self) -> None:
        """Ends the server with SIGKILL; does nothing if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Ends the server with SIGKILL and starts it again."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """Halts the server (SIGSTOP): connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a halted server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def set_clock(self, offset: str) -> None:
        """Moves the wall clock of a server with `movable_clock`, e.g. `+40d` or `-2h`; its monotonic clock goes on."""
        self._clock.write_text(offset)

    def set_maxmemory(self, megabytes: int | None) -> None:
        """Makes the server refuse writes above a limit (`noeviction`); None: no limit."""
        with self.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", f"{megabytes or 0}mb")

    def used_memory(self) -> int:
        """Returns the bytes that the server's data take."""
        with self.client() as client:
            return int(client.info("memory")["used_memory"])

    def flush(self) -> None:
        """Deletes everything (FLUSHALL)."""
        with self.client() as client:
            client.flushall()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
