"""A Redis of one's own: free port, own folder, append-only file, so that it can be killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

START_TIMEOUT_S: Final = 30.0


def free_port() -> int:
    """Returns a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Starts at once; its port stays the same over restarts.

    Args:
        folder: For its append-only file and log; it is made if it isn't there.
        environment: Added to this process' environment, e.g. a clock that can be set.
    """

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        found = shutil.which("redis-server")
        if found is None:
            raise FileNotFoundError("redis-server is not installed; `apt-get install redis-server`")
        self._program = found
        self._environment = os.environ | (environment or {})
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self) -> "Redis":
        """Returns a connection of its own; close it."""
        return Redis(port=self.port, socket_timeout=10.0)

    def start(self) -> None:
        """Starts it, and waits until it has read its file and answers."""
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                 "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        with self.client() as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                    time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, by SIGTERM as a service manager does, or by SIGKILL as an accident; waits for the end."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(timeout=START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
