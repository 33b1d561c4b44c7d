"""The parent's end of a worker process: starts it, gives it jobs, and says what its death means."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from kernelgym.errors import Stopped
from kernelgym.evaluators.messages import (
    MAX_FRAME_BYTES,
    MESSAGE,
    Assignment,
    Described,
    Finished,
    Handed,
    Handover,
    Inquiry,
    Inspected,
    Inspection,
    Job,
    Refused,
    Replaying,
    Sheltered,
    StageBegan,
    Tracing,
)
from sandboxes.contracts import Stage

WORKER_MODULE = "kernelgym.evaluators.worker"

START_TIMEOUT_S = 60.0
"""Time a worker has to import torch and Triton."""

SLACK_S = 30.0
"""Time beyond the configured limits before a worker counts as hung."""

INQUIRY_TIMEOUT_S = 180.0
"""Time that describing or inspecting a reference may take."""

Answer = Finished | Described | Inspected | Refused

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "DOCKER_HOST")
"""What a worker inherits of the environment."""


KEEPS_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**28), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""Environment of a worker: temporaries of a few MiB come and go with every operation of a kernel, and memory that the
system takes back and clears each time makes elementwise kernels three times slower."""

SHARES_CORES = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Environment of a worker: threads that wait for each other sleep. Where other processes want the cores, too, threads
that spin instead make a matrix product 50 times slower, and honest candidates run out of time."""


class WorkerDied(Exception):
    """A worker ended or hung without an answer.

    Args:
        stage: What it was doing.
        detail: How it ended, and its last words.
        hung: True if it had to be killed because its time was up.
        ours: True if what it worked on can't be the reason, whatever the stage.
    """

    def __init__(self, stage: Stage | None, detail: str, *, hung: bool, ours: bool = False) -> None:
        super().__init__(stage, detail)
        self.stage = stage
        self.detail = detail
        self.hung = hung
        self.ours = ours


class WorkerProcess:
    """One worker process with private folders; started on first use, restarted after death.

    Args:
        sandbox: Kind of sandbox it traces in.
        threads: CPU threads it may use.
        module: What to run, called with a file descriptor and the kind of sandbox.
        on_sheltered: Called when it is known what sandbox candidates run in, before the first does.
        on_stage: Called when a stage begins.
    """

    def __init__(
        self,
        sandbox: str,
        threads: int,
        module: str = WORKER_MODULE,
        on_sheltered: Callable[[Sheltered], None] = lambda sheltered: None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        self._on_stage = on_stage
        self._on_sheltered = on_sheltered
        self._sandbox = sandbox
        self._threads = threads
        self._module = module
        self._interrupted = threading.Event()
        self._stage: Stage | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="kernelgym-worker-", ignore_cleanup_errors=True)

    def run(self, task: Assignment, bundle: bytes = b"") -> Answer | Handover:
        """Gives the worker something to do and waits for the answer.

        Args:
            task: What to do.
            bundle: What the second half of a job begins with.

        Raises:
            WorkerDied: It ended, hung or talked nonsense.
            Stopped: `interrupt` was called.

        After this and any other exception, such as KeyboardInterrupt, the next call starts a new worker.
        """
        self._stage = None
        answer: Answer | Handover | None = None
        try:
            self._start()
            self._connection.send_bytes(task.model_dump_json().encode())
            if isinstance(task, Replaying):
                self._connection.send_bytes(bundle)
            answer = self._listen(task, time.monotonic() + _time_limit_s(task))
        except (EOFError, OSError, ValidationError) as error:
            if self._interrupted.is_set():
                raise Stopped from None
            detail = self._last_words() or f"{type(error).__name__}: {error}"
            raise WorkerDied(self._stage, detail, hung=False) from None
        finally:
            if answer is None:  # whatever it still sends must not be taken for the answer to the next job
                self.kill()
        return answer

    def interrupt(self) -> None:
        """Ends the process from another thread: `run` raises `Stopped`, the one under way and every later one."""
        self._interrupted.set()
        if (process := self._process) is not None:
            process.kill()

    def forget_interrupt(self) -> None:
        """Makes `run` work again after `interrupt`."""
        if self._interrupted.is_set():
            self.kill()
            self._interrupted.clear()

    def kill(self) -> None:
        """Ends the process and everything it started; calling it again does nothing."""
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ends the process and removes its folders."""
        self.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self, task: Assignment, deadline_s: float) -> Answer | Handover:
        """Returns the answer to `task`.

        Raises:
            WorkerDied: It is not there in time, or is one to something else.
            EOFError, OSError, ValidationError: The worker ended or talks nonsense.
        """
        while self._connection.poll(max(0.0, deadline_s - time.monotonic())):
            message = MESSAGE.validate_json(self._connection.recv_bytes(MAX_FRAME_BYTES))
            if isinstance(message, Sheltered):
                self._on_sheltered(message)
            elif isinstance(message, StageBegan):
                self._stage = message.stage
                self._on_stage(message.stage)
            elif isinstance(message, Handed):
                bundle = self._connection.recv_bytes(MAX_FRAME_BYTES)
                if isinstance(task, Tracing):
                    return Handover(bundle=bundle, timings_s=message.timings_s)
                raise WorkerDied(None, f"it answered a {task.kind} with `{message.kind}`", hung=False)
            else:
                return _checked(message, task)
        raise WorkerDied(self._stage, "it did not answer in time", hung=True)

    def _start(self) -> None:
        if self._interrupted.is_set():
            raise Stopped
        if self._process is not None and self._process.poll() is None:
            return
        self.kill()
        self._connection, theirs = Pipe()
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment |= (
            {
                "HOME": self._folder.name,
                "TMPDIR": self._folder.name,
                "TRITON_CACHE_DIR": str(Path(self._folder.name, "triton")),
                "OMP_NUM_THREADS": str(self._threads),
                "TRITON_DEFAULT_FP_FUSION": "1",
            }
            | KEEPS_FREED_MEMORY
            | SHARES_CORES
        )
        with self._log.open("wb") as log, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", self._module, str(theirs.fileno()), self._sandbox],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if self._interrupted.is_set():  # perhaps before there was a process to end
            raise Stopped
        if not self._connection.poll(START_TIMEOUT_S):
            raise OSError(f"the worker did not start within {START_TIMEOUT_S:g} s")
        self._connection.recv_bytes(MAX_FRAME_BYTES)

    @property
    def _log(self) -> Path:
        return Path(self._folder.name, "worker.log")

    def _last_words(self) -> str:
        """Returns the end of what the worker printed, with its exit status."""
        if self._process is None or not self._log.exists():
            return ""
        self._connection.close()  # or it would wait for somebody to read on
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it talked nonsense"
        tail = self._log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        return f"exit status {status}" + (f": {tail[-1]}" if tail else "")


def _time_limit_s(task: Assignment) -> float:
    """Returns the time after which a worker counts as hung."""
    if isinstance(task, Inquiry | Inspection):
        return INQUIRY_TIMEOUT_S
    config = (task if isinstance(task, Job) else task.job).config
    return config.trace_timeout_s + config.compile_timeout_s + config.replay_timeout_s + SLACK_S


def _checked(answer: Answer, task: Assignment) -> Answer:
    """Returns `answer` if it is one to `task`.

    Raises:
        WorkerDied: It is a report of something else; no stage, because that is never the candidate's doing.
    """
    if isinstance(answer, Refused):
        return answer
    if isinstance(answer, Finished) and isinstance(task, Job | Tracing | Replaying):
        job = task if isinstance(task, Job) else task.job
        report = answer.report
        theirs = (report.submission, report.problem, report.config)
        if theirs == (job.submission.digest, job.reference.id, job.config):
            return answer
        about = f"submission {report.submission[:12]} to {report.problem}"
        raise WorkerDied(None, f"it answered another job: {about}", hung=False)
    if (
        isinstance(answer, Described)
        and isinstance(task, Inquiry)
        and answer.description.reference.id == task.reference.id
    ):
        return answer
    if isinstance(answer, Inspected) and isinstance(task, Inspection):
        return answer
    raise WorkerDied(None, f"it answered a {task.kind} with `{answer.kind}`", hung=False)
