"""A Redis server of one's own, to which a test may do everything that can happen to one."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
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


class RedisServer:
    """A private `redis-server` on loopback; its data survives `kill` and `start` only with `appendonly`.

    Args:
        folder: Where it keeps its files.
        appendonly: Write every change to a file before it is answered.
        environment: Variables for the process, beside this one's own (`LD_PRELOAD` of faketime).
        options: More options of the configuration, e.g. `{"requirepass": "secret"}`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        appendonly: bool = False,
        environment: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if shutil.which(PROGRAM) is None:
            pytest.skip("needs redis-server; install Debian's package redis-server")
        self.folder = folder
        self.port = free_port()
        self._environment = dict(os.environ, **(environment or {}))
        durable = {"appendonly": "yes", "appendfsync": "always"} if appendonly else {}
        self._options = durable | dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

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
