"""Redis, workers and API servers of one's own, each started again when it ends, as systemd or compose would."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.hosted.family import Process, adopt_orphans, descendants, end_all, look, reap
from benchmarks.hosted.redis_server import RedisServer, free_port
from benchmarks.hosted.wall_clock import WallClock

COMMAND: Final = (sys.executable, "-c", "from kernelgym.cli.app import main; main()")
"""`kernelgym`, wherever it is installed."""

RESTART_S: Final = 0.2
"""How long after its end a process is started again."""

START_TIMEOUT_S: Final = 120.0
"""Time the service has to take orders."""

DRAIN_S: Final = 60.0
"""Time a worker has to finish what it does and end."""


class Part:
    """One process of the service: a command that is kept running.

    Args:
        name: What it is, e.g. `worker-0`; the name of its log file, too.
        command: What to run.
        environment: All of it.
        folder: For its log.
        cores: Those that it may use; None: all.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, cores: set[int] | None
    ) -> None:
        self.name = name
        self.starts = 0
        self.unasked: list[int] = []
        """Exit codes of ends that nobody asked for."""
        pinned = [] if cores is None else ["taskset", "--cpu-list", ",".join(map(str, sorted(cores)))]
        self._command = [*pinned, *command]
        self._environment = dict(environment)
        self._log = folder / f"{name}.log"
        self._wanted = True
        self._asked = False
        self._lock = threading.Lock()
        self._ended_s: float | None = None
        self._launch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def process(self) -> Process | None:
        """Returns it as it is now; None if it has ended."""
        return look(self._process.pid) if self.running else None

    def tend(self) -> None:
        """Starts it again a moment after it has ended."""
        with self._lock:
            if not self._wanted or self._process.poll() is None:
                self._ended_s = None
            elif self._ended_s is None:
                self._ended_s = time.monotonic()
                if not self._asked:
                    self.unasked.append(self._process.returncode)
            elif time.monotonic() - self._ended_s > RESTART_S:
                self._launch()

    def kill(self) -> None:
        """Kills it and nothing below it: the accident that it has to survive."""
        self._asked = True
        self._process.kill()

    def drain(self, timeout_s: float = DRAIN_S) -> int | None:
        """Asks it to end, as for an update; returns its exit code, None if it had to be killed. It is started again."""
        self._asked = True
        process = self._process
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return None

    def end(self, timeout_s: float) -> int | None:
        """As `drain`, for good."""
        with self._lock:
            self._wanted = False
        return self.drain(timeout_s) if self.running else self._process.returncode

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        self.starts += 1
        self._asked = False
        self._ended_s = None


class Service:
    """A context manager; whatever happens, nothing of it runs on afterwards.

    Args:
        folder: For everything: Redis' file, logs, temporary files of all processes.
        workers: Worker processes (`kernelgym worker`).
        slots: Evaluations at a time in each.
        apis: API servers (`kernelgym serve`).
        pinned: Each worker gets a core of its own, from the first one on.
        noop: Workers answer at once (`noop.py`) instead of evaluating.
        clocks: Redis and the first worker get clocks that can be set (`WallClock`), if there is a C compiler.
    """

    def __init__(
        self, folder: Path, *, workers: int = 1, slots: int = 1, apis: int = 1,
        noop: bool = False, clocks: bool = False, pinned: bool = False,
    ) -> None:  # fmt: skip
        adopt_orphans()
        self._strangers = {(process.pid, process.born) for process in descendants(os.getpid())}
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.clocks = {name: WallClock(folder / f"{name}.clock") for name in ("redis", "worker-0") if clocks}
        self.clocks = {name: clock for name, clock in self.clocks.items() if clock.works}
        self.redis = RedisServer(folder / "redis", self._clock("redis"))
        self.ports = [free_port() for _ in range(apis)]
        self._stopping = threading.Event()
        self.parts: dict[str, Part] = {}
        try:
            for number in range(workers):
                command = _worker(self.redis.url, slots, noop)
                self._start(f"worker-{number}", command, {number % _cores()} if pinned else None)
            for number, port in enumerate(self.ports):
                self._start(f"api-{number}", _api(port), None)
        except BaseException:
            self._end_everything()
            raise
        self._supervisor = threading.Thread(target=self._tend, name="supervisor", daemon=True)
        self._supervisor.start()

    def workers(self) -> list[Part]:
        """Returns the parts that evaluate."""
        return [part for name, part in self.parts.items() if name.startswith("worker")]

    def apis(self) -> list[Part]:
        """Returns the parts that serve HTTP."""
        return [part for name, part in self.parts.items() if name.startswith("api")]

    def url(self, number: int = 0) -> str:
        """Returns the address of an API server."""
        return f"http://127.0.0.1:{self.ports[number]}"

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Waits until every API server says that orders can be worked off.

        Raises:
            TimeoutError: One does not; the message has what it says, and where the logs are.
        """
        deadline = time.monotonic() + timeout_s
        for number in range(len(self.ports)):
            while (complaint := _complaint(f"{self.url(number)}/health/ready")) is not None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"api-{number} is not ready after {timeout_s:g} s ({complaint}): {self.folder}")
                time.sleep(0.1)

    def close(self) -> list[Process]:
        """Ends everything in order, workers by SIGTERM first; returns what was left then, and had to be killed."""
        self._stopping.set()
        self._supervisor.join()
        for part in (*self.apis(), *self.workers()):
            part.end(timeout_s=20.0)
        self.redis.stop()
        deadline = time.monotonic() + 10.0
        while (left := self._alive()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self._end_everything()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, name: str, command: Sequence[str], cores: set[int] | None) -> None:
        environment = _environment(self.redis.url, self.temporary) | self._clock(name)
        self.parts[name] = Part(name, command, environment, self.folder, cores)

    def _clock(self, name: str) -> dict[str, str]:
        return self.clocks[name].environment() if name in self.clocks else {}

    def _tend(self) -> None:
        while not self._stopping.wait(0.05):
            for part in list(self.parts.values()):
                part.tend()

    def _alive(self) -> list[Process]:
        """Returns descendants that came with this service."""
        below = [process for process in descendants(os.getpid()) if (process.pid, process.born) not in self._strangers]
        for process in below:
            if process.gone:
                reap(process.pid)
        return [process for process in below if not process.gone]

    def _end_everything(self) -> None:
        end_all(self._alive)


def _environment(redis_url: str, temporary: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return inherited | {"KERNELGYM_REDIS_URL": redis_url, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _worker(redis_url: str, slots: int, noop: bool) -> list[str]:
    if noop:
        return [sys.executable, "-m", "benchmarks.hosted.noop_worker", redis_url, str(slots)]
    return [*COMMAND, "worker", "--processes", str(slots)]


def _api(port: int) -> list[str]:
    return [*COMMAND, "serve", "--host", "127.0.0.1", "--port", str(port)]


def _complaint(url: str) -> str | None:
    """Returns why a server isn't ready; None if it is."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return None
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read()[:300].decode(errors='replace')}"
    except OSError as error:
        return str(error)
