"""The parent's end of a worker process: starts it, gives it jobs, and says what its death means."""

import math
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
from kernelgym.evaluators.answers import Answer, fits
from kernelgym.evaluators.attendance import Attendance
from kernelgym.evaluators.messages import (
    MAX_FRAME_BYTES,
    MESSAGE,
    Assignment,
    Finished,
    Handed,
    Handover,
    Inquiry,
    Inspection,
    Job,
    Replaying,
    Sheltered,
    StageBegan,
    Tracing,
)
from kernelgym.evaluators.sweeping import sweep_compilers
from kernelgym.evaluators.watching import watched
from sandboxes.contracts import Outcome, Stage
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.machine import full_disk, killed_from_outside

WORKER_MODULE = "kernelgym.evaluators.worker"

START_TIMEOUT_S = 60.0
"""Time a worker has to import torch and Triton."""

SLACK_S = 30.0
"""Time beyond the configured limits before a worker counts as hung."""

ROBBED = 0.1
"""Share of a stage's time limit that a worker may lose (`Attendance`) before nobody believes that its time was up."""

INQUIRY_TIMEOUT_S = 180.0
"""Time that describing or inspecting a reference may take."""

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
        truths: Folder in which workers that run the same code keep truths.
    """

    def __init__(
        self,
        sandbox: str,
        threads: int,
        module: str = WORKER_MODULE,
        on_sheltered: Callable[[Sheltered], None] = lambda sheltered: None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
        truths: Path | None = None,
    ) -> None:
        self._truths = truths
        self._on_stage = on_stage
        self._on_sheltered = on_sheltered
        self._sandbox = sandbox
        self._threads = threads
        self._module = module
        self._interrupted = threading.Event()
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
        answer: Answer | Handover | None = None
        attendance: Attendance | None = None
        kills, deadline_s, has_task = out_of_memory_kills(), math.inf, False
        try:
            process = self._start()
            attendance, deadline_s = Attendance(process.pid), time.monotonic() + _time_limit_s(task)
            with watched(self._connection, process, attendance, deadline_s):
                self._connection.send_bytes(task.model_dump_json().encode())
                if isinstance(task, Replaying):
                    self._connection.send_bytes(bundle)
            has_task = True
            answer = self._listen(task, process, attendance, deadline_s)
        except (EOFError, OSError, ValidationError) as error:
            if self._interrupted.is_set():
                raise Stopped from None
            if attendance is not None and (attendance.stopped or time.monotonic() >= deadline_s):
                raise _late(attendance, has_task=has_task) from None
            detail, ours = self._last_words(kills)
            stage = attendance.stage if attendance is not None else None
            raise WorkerDied(stage, detail or f"{type(error).__name__}: {error}", hung=False, ours=ours) from None
        finally:
            if answer is None:  # whatever it still sends must not be taken for the answer to the next job
                self.kill()
        _raise_if_robbed(answer, attendance)
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
            sweep_compilers(self._process.pid)
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

    def _listen(
        self, task: Assignment, process: subprocess.Popen[bytes], attendance: Attendance, deadline_s: float
    ) -> Answer | Handover:
        """Returns the answer to `task`.

        Raises:
            WorkerDied: It is not there in time, or is one to something else.
            EOFError, OSError, ValidationError: The worker ended or talks nonsense.
        """
        while (now := time.monotonic()) < deadline_s and not attendance.stopped:
            if not self._connection.poll(max(0.0, min(deadline_s, attendance.due_s) - now)):
                attendance.look()
                if process.poll() is not None and not self._connection.poll(0):
                    raise EOFError("it ended")  # a compiler that it has left behind keeps the connection open
                continue
            with watched(self._connection, process, attendance, deadline_s):
                message = MESSAGE.validate_json(self._connection.recv_bytes(MAX_FRAME_BYTES))
                bundle = self._connection.recv_bytes(MAX_FRAME_BYTES) if isinstance(message, Handed) else b""
            if isinstance(message, Sheltered):
                self._on_sheltered(message)
            elif isinstance(message, StageBegan):
                attendance.begin(message.stage)
                self._on_stage(message.stage)
            elif isinstance(message, Handed):
                if isinstance(task, Tracing):
                    return Handover(bundle=bundle, timings_s=message.timings_s)
                raise WorkerDied(None, f"it answered a {task.kind} with `{message.kind}`", hung=False)
            else:
                return _checked(message, task)
        raise _late(attendance)

    def _start(self) -> subprocess.Popen[bytes]:
        """Starts the process unless it runs; returns it."""
        if self._interrupted.is_set():
            raise Stopped
        if self._process is not None and self._process.poll() is None:
            return self._process
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
        kept = [] if self._truths is None else [str(self._truths)]
        with self._log.open("wb") as log, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", self._module, str(theirs.fileno()), self._sandbox, *kept],
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
        return self._process

    @property
    def _log(self) -> Path:
        return Path(self._folder.name, "worker.log")

    def _last_words(self, kills_before: int) -> tuple[str, bool]:
        """Returns how the worker ended, with the end of what it printed, and whether its task can't be the reason."""
        if self._process is None or not self._log.exists():
            return "", True
        self._connection.close()  # or it would wait for somebody to read on
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it talked nonsense", False
        tail = self._log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
        words = f"exit status {status}" + (f": {tail[-1]}" if tail else "")
        if status < 0 and killed_from_outside(-status, kills_before):
            return f"{words} (somebody has ended it)", True
        full = full_disk([self._folder.name])
        return (f"{words} ({full})", True) if full is not None else (words, False)


def _late(attendance: Attendance, *, has_task: bool = True) -> WorkerDied:
    """Returns what it means that a worker is not waited for any longer."""
    attendance.look()
    if attendance.stopped:
        return WorkerDied(attendance.stage, "somebody has stopped it (SIGSTOP)", hung=True, ours=True)
    if not has_task:
        return WorkerDied(attendance.stage, "it did not take its task in time", hung=True, ours=True)
    detail = "it did not answer in time"
    if attendance.absent:
        detail += ", for most of which it was stopped or had no processor"
    return WorkerDied(attendance.stage, detail, hung=True, ours=attendance.absent)


def _raise_if_robbed(answer: Answer | Handover, attendance: Attendance) -> None:
    """Checks that a candidate that ran out of time had that time.

    Raises:
        WorkerDied: The worker was stopped or starved meanwhile; it goes on.
    """
    if not isinstance(answer, Finished) or answer.report.outcome is not Outcome.TIMEOUT:
        return
    config, stage = answer.report.config, answer.report.diagnostics[0].stage
    limit_s = {Stage.COMPILE: config.compile_timeout_s, Stage.REPLAY: config.replay_timeout_s}.get(stage)
    if limit_s is None:  # the others have no limit, or (tracing) run code that may sleep as it likes
        return
    attendance.look()
    if (lost_s := attendance.lost_s(stage)) >= ROBBED * limit_s:
        detail = f"it was stopped, or had no processor, for {lost_s:.1f} s of the {stage} stage"
        raise WorkerDied(stage, detail, hung=True, ours=True)


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
    whole = task.job if isinstance(task, Tracing | Replaying) else task
    if fits(answer, whole):
        return answer
    if isinstance(answer, Finished) and isinstance(whole, Job):
        about = f"submission {answer.report.submission[:12]} to {answer.report.problem}"
        raise WorkerDied(None, f"it answered another job: {about}", hung=False)
    raise WorkerDied(None, f"it answered a {task.kind} with `{answer.kind}`", hung=False)
