"""A service of real processes, and somebody who orders from it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kernelgym.evaluators.messages import Finished, Job
from kernelgym.problems import get_problem
from kernelgym.serving.celery_app import CeleryDispatch, make_app
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import Answer, JobState, JobView, Order, Priority
from kernelgym.serving.ledger.redis_ledger import RedisLedger
from kernelgym.serving.routing import Station, queue_for
from sandboxes.contracts import EvalConfig, Submission
from sandboxes.isolation.offspring import offspring_of
from tests.kernelgym.serving.faults.stand_in import MODULE
from tests.kernelgym.serving.redis_server import RedisServer

STARTS_IN_S = 30.0


def until(true: Callable[[], Any], within_s: float, what: str | Callable[[], str]) -> Any:
    """Returns the first true value of `true`; fails with `what` if there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(LedgerUnavailable):
            if value := true():
                return value
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s:g} s: {what if isinstance(what, str) else what()}")


def alive(pid: int) -> bool:
    """True if a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class WorkerHost:
    """One `kernelgym worker`."""

    def __init__(self, folder: Path, fields: dict[str, Any], environment: Mapping[str, str]) -> None:
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.kernelgym.serving.faults.worker", json.dumps(fields)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "TMPDIR": str(folder), **environment},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    def words(self) -> str:
        """Returns the end of what it has said."""
        return self.log.read_text()[-3000:]

    def everything(self) -> list[int]:
        """Returns all processes that it has started, itself included."""
        return [self.pid, *offspring_of(self.pid)]

    def end(self, with_signal: int = signal.SIGTERM, within_s: float = 30.0) -> int:
        """Sends a signal and returns the exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=within_s)

    def close(self) -> None:
        """Kills it with everything below, halted or not."""
        for process in self.everything():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()


class Service:
    """Workers on a Redis server, and the side that orders."""

    def __init__(self, folder: Path, redis: RedisServer, stack: ExitStack) -> None:
        self.folder = folder
        self.redis = redis
        self.stack = stack
        self.ledger = RedisLedger(redis.url)
        self.dispatch = CeleryDispatch(make_app(redis.url), self.ledger)
        self.runs = folder / "runs.log"
        self.runs.touch()

    def worker(
        self, *, ready: bool = True, environment: Mapping[str, str] = MappingProxyType({}), **fields: Any
    ) -> WorkerHost:
        """Starts a worker; its processes evaluate with the stand-in unless told otherwise."""
        before = len(self.workers()) if ready else 0
        host = WorkerHost(self.folder, {"redis_url": self.redis.url, "worker_module": MODULE, **fields}, environment)
        self.stack.callback(host.close)
        if ready:
            count = before + fields.get("processes", 1)
            until(lambda: len(self.workers()) >= count, STARTS_IN_S, host.words)
        return host

    def workers(self) -> list[Any]:
        return list(self.ledger.overview(0).workers)

    def job(self, name: str, **script: Any) -> Job:
        """Returns a job whose candidate plays a script."""
        source = json.dumps({"name": name, "log": str(self.runs), **script})
        return Job(
            submission=Submission(source=source), reference=get_problem("core/add_relu").reference, config=EvalConfig()
        )

    def submit(self, job: Job, priority: Priority = Priority.BATCH, deadline_s: float = 300.0) -> str:
        """Orders, as an engine does."""
        order = Order(task=job, priority=priority, deadline_s=deadline_s, request_id="test")
        view, send = self.ledger.submit(order, "tester")
        if send:
            self.send(job, view.station or Station.TRACE, priority)
        return view.id

    def send(self, job: Job, station: Station, priority: Priority = Priority.BATCH) -> None:
        self.dispatch(queue_for(job, station), job_id(job), priority, "test")

    def view(self, id: str) -> JobView | None:
        return self.ledger.view([id])[0]

    def answer(self, id: str, within_s: float) -> Answer:
        """Returns a job's answer."""

        def found() -> Answer | None:
            view = self.view(id)
            return view.answer if view is not None and view.state is JobState.DONE else None

        return until(found, within_s, lambda: f"an answer to {id[:8]}: {self.view(id)}")  # type: ignore[no-any-return]

    def verdicts(self, ids: list[str], within_s: float) -> list[str]:
        """Returns the last words of the reports on several jobs."""
        deadline = time.monotonic() + within_s
        words = []
        for id in ids:
            answer = self.answer(id, max(0.1, deadline - time.monotonic()))
            assert isinstance(answer, Finished), answer
            words.append(answer.report.diagnostics[0].message)
        return words

    def busy_with(self, id: str, stage: str, within_s: float = 30.0) -> Any:
        """Returns the worker that is in a stage of a job, as soon as there is one."""

        def found() -> list[Any]:
            return [worker for worker in self.workers() if (worker.job, worker.stage) == (id, stage)]

        return until(found, within_s, lambda: f"{stage}: {self.workers()}")[0]

    def began(self) -> list[list[str]]:
        """Returns the halves that were begun: which, by which worker, in which inner process."""
        return [line.split() for line in self.runs.read_text().splitlines()]

    def counters(self) -> dict[str, int]:
        return self.ledger.overview(0).counters


@contextmanager
def open_service(folder: Path, redis: RedisServer) -> Iterator[Service]:
    """Yields a service, and ends all its workers."""
    with ExitStack() as stack:
        service = Service(folder, redis, stack)
        yield service
        service.ledger.close()
