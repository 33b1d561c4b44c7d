"""The parent's end of a worker process: starts it, gives it jobs, and says what its death means."""

import math
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
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
    Job,
    Preparation,
    Ready,
    Refused,
    Replaying,
    Sheltered,
    Spoiled,
    StageBegan,
    Tracing,
    TurnChanged,
    Work,
)
from kernelgym.evaluators.nursery import WorkersProcess
from kernelgym.evaluators.patience import deadline_for, needs_gpu
from kernelgym.evaluators.spare import Spare
from kernelgym.evaluators.started import AUTO_GPU, WORKER_MODULE, StartedWorker, WorkerPlan, make_nursery
from kernelgym.evaluators.watching import Deadline, watched
from sandboxes.contracts import EvalConfig, Outcome, Stage
from sandboxes.isolation.cgroups import out_of_memory_kills
from sandboxes.machine import full_disk, killed_from_outside

ROBBED = 0.1
"""Share of a stage's time limit that a worker may lose (`Attendance`) before nobody believes that its time was up."""


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

    Once it has used a GPU there is a second one, which takes over when the first one is of no use any more.

    Args:
        sandbox: Kind of sandbox it traces in.
        threads: CPU threads it may use.
        module: What to run, called with a file descriptor, the kind of sandbox, and options.
        on_sheltered: Called when it is known what sandbox candidates run in, before the first does.
        on_stage: Called when a stage begins.
        truths: Folder in which workers that run the same code keep truths.
        gpu: Which GPU it opens when a candidate needs one: `auto` or `simulated`.
        beside: A worker in whose folder it works, too: what one of them has compiled, the other finds. Never both at a
            time.
    """

    def __init__(
        self,
        sandbox: str,
        threads: int,
        module: str = WORKER_MODULE,
        on_sheltered: Callable[[Sheltered], None] = lambda sheltered: None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
        truths: Path | None = None,
        gpu: str = AUTO_GPU,
        beside: "WorkerProcess | None" = None,
    ) -> None:
        self._plan = WorkerPlan(sandbox=sandbox, threads=threads, module=module, truths=truths, gpu=gpu)
        self._on_stage = on_stage
        self._beside = beside
        self._on_sheltered = on_sheltered
        self._interrupted = threading.Event()
        self._started: StartedWorker | None = None
        self._spoiled: str | None = None
        self._warm: tuple[str, ...] = ()
        self._leaving: list[threading.Thread] = []
        self._folder: tempfile.TemporaryDirectory[str] = (
            tempfile.TemporaryDirectory(prefix="kernelgym-worker-", ignore_cleanup_errors=True)
            if beside is None
            else beside._folder
        )
        self._forks = True
        self._nursery = make_nursery(self._plan, Path(self._folder.name))
        self._spare = Spare(
            self._make_spare, give_up=self._nursery.close if self._nursery is not None else lambda: None
        )

    @property
    def spoiled(self) -> str | None:
        """Why the last answer was the last one of its process; None if that goes on."""
        return self._spoiled

    @property
    def _process(self) -> WorkersProcess | None:
        """The process, if there is one."""
        return None if self._started is None else self._started.process

    def prepare(self, config: EvalConfig | None = None) -> Ready | Refused:
        """Has the worker make the GPU ready.

        Args:
            config: What it has to fit.

        Raises:
            WorkerDied, Stopped: As `run`.
        """
        answer = self._run(Preparation(config=config))
        if isinstance(answer, Ready | Refused):
            return answer
        raise WorkerDied(None, "it did not say whether its GPU is ready", hung=False)

    def warm_up(self) -> None:
        """Has the process started, with a GPU open, before there is anything to do; returns at once."""
        self._warm = self._warm or ("gpu",)
        self._spare.begin()

    def run(self, task: Work, bundle: bytes = b"") -> Answer | Handover:
        """Gives the worker something to do and waits for the answer.

        Args:
            task: What to do.
            bundle: What the second half of a job begins with.

        Raises:
            WorkerDied: It ended, hung or talked nonsense.
            Stopped: `interrupt` was called.

        After this and any other exception, such as KeyboardInterrupt, the next call starts a new worker.
        """
        answer = self._run(task, bundle)
        assert not isinstance(answer, Ready)  # `_listen` takes that for an answer to `Preparation` only
        return answer

    def _run(self, task: Assignment, bundle: bytes = b"") -> Answer | Handover | Ready:
        answer: Answer | Handover | Ready | None = None
        attendance: Attendance | None = None
        kills, deadline, has_task = out_of_memory_kills(), Deadline(math.inf), False
        self._spoiled = None
        try:
            started = self._start()
            attendance, deadline = Attendance(started.process.pid), deadline_for(task)
            with watched(started.connection, started.process, attendance, deadline.ends_s):
                started.connection.send_bytes(task.model_dump_json().encode())
                if isinstance(task, Replaying):
                    started.connection.send_bytes(bundle)
            has_task = True
            answer = self._listen(task, started, attendance, deadline)
        except (EOFError, OSError, ValidationError) as error:
            if self._interrupted.is_set():
                raise Stopped from None
            if attendance is not None and (attendance.stopped or deadline.passed):
                raise _late(attendance, has_task=has_task) from None
            detail, ours = self._last_words(kills)
            stage = attendance.stage if attendance is not None else None
            raise WorkerDied(stage, detail or f"{type(error).__name__}: {error}", hung=False, ours=ours) from None
        finally:
            if answer is None or self._spoiled is not None:
                self._retire()  # whatever it still sends must not be taken for the answer to the next job
        self._see_to_a_spare(task)
        _raise_if_robbed(answer, attendance)
        return answer

    def interrupt(self) -> None:
        """Ends the process from another thread: `run` raises `Stopped`, the one under way and every later one."""
        self._interrupted.set()
        if (started := self._started) is not None:
            started.process.kill()

    def forget_interrupt(self) -> None:
        """Makes `run` work again after `interrupt`."""
        if self._interrupted.is_set():
            self.kill()
            self._interrupted.clear()

    def kill(self) -> None:
        """Ends the process and everything it started; calling it again does nothing."""
        started, self._started = self._started, None
        if started is not None:
            started.kill()

    def close(self) -> None:
        """Ends the process, and the spare one, and removes its folders."""
        self.kill()
        self._spare.close()
        if self._nursery is not None:
            self._nursery.close()
        for leaving in self._leaving:
            leaving.join()
        if self._beside is None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(
        self, task: Assignment, started: StartedWorker, attendance: Attendance, deadline: Deadline
    ) -> Answer | Handover | Ready:
        """Returns the answer to `task`.

        Raises:
            WorkerDied: It is not there in time, or is one to something else.
            EOFError, OSError, ValidationError: The worker ended or talks nonsense.
        """
        connection, process = started.connection, started.process
        while (now := time.monotonic()) < deadline.ends_s and not attendance.stopped:
            if not connection.poll(max(0.0, min(deadline.ends_s, attendance.due_s) - now)):
                attendance.look()
                if process.poll() is not None and not connection.poll(0):
                    raise EOFError("it ended")  # a compiler that it has left behind keeps the connection open
                continue
            with watched(connection, process, attendance, deadline.ends_s):
                message = MESSAGE.validate_json(connection.recv_bytes(MAX_FRAME_BYTES))
                bundle = connection.recv_bytes(MAX_FRAME_BYTES) if isinstance(message, Handed) else b""
            match message:
                case Sheltered():
                    self._on_sheltered(message)
                case StageBegan():
                    attendance.begin(message.stage)
                    self._on_stage(message.stage)
                case TurnChanged():
                    attendance.turn(message.turn)
                    deadline.turn(message.turn)
                case Spoiled():
                    self._spoiled = message.why
                case Handed() if isinstance(task, Tracing):
                    return Handover(bundle=bundle, timings_s=message.timings_s)
                case Ready() if isinstance(task, Preparation):
                    return message
                case Handed() | Ready():
                    raise WorkerDied(None, f"it answered a {task.kind} with `{message.kind}`", hung=False)
                case _:
                    return _checked(message, task)
        raise _late(attendance)

    def _start(self) -> StartedWorker:
        """Starts the process unless it runs, or lets the spare one take over; returns it."""
        if self._interrupted.is_set():
            raise Stopped
        if self._started is not None and self._started.alive:
            return self._started
        self.kill()
        self._started = self._spare.take()
        if self._started is not None:
            if self._started.sheltered is not None:
                self._on_sheltered(self._started.sheltered)
            self._spare.begin()  # now, and not after the next candidate, which may need it as well
            return self._started
        self._started = StartedWorker(self._plan, Path(self._folder.name))
        if self._interrupted.is_set():  # perhaps before there was a process to end
            raise Stopped
        self._started.await_ready()
        if self._started.sheltered is not None:
            self._on_sheltered(self._started.sheltered)
        return self._started

    def _retire(self) -> None:
        """Ends the process; does not wait for that if another one is ready to take over."""
        started, self._started = self._started, None
        if started is None:
            return
        if self._warm:
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            self._leaving.append(started.retire())
        else:
            started.kill()

    def _make_spare(self) -> StartedWorker:
        """Returns a spare process that begins to get warm: a fork, unless that has failed once."""
        self._forks = self._forks and not self._spare.failed
        return StartedWorker(self._plan, Path(self._folder.name), self._warm, self._nursery if self._forks else None)

    def _see_to_a_spare(self, task: Assignment) -> None:
        """Has a spare process started if this one has used a GPU: with a sandbox, if it needed one."""
        match task:
            case Preparation():
                self._warm = self._warm or ("gpu",)
            case Job() if needs_gpu(task.config):
                self._warm = ("gpu", "sandbox")
            case Replaying() if needs_gpu(task.job.config):
                self._warm = self._warm or ("gpu",)
        if self._warm:
            self._spare.begin()

    def _last_words(self, kills_before: int) -> tuple[str, bool]:
        """Returns how the worker ended, with the end of what it printed, and whether its task can't be the reason."""
        started = self._started
        if started is None or not started.log.exists():
            return "", True
        started.connection.close()  # or it would wait for somebody to read on
        try:
            status = started.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it talked nonsense", False
        tail = started.log.read_bytes()[-2000:].decode(errors="replace").strip().splitlines()
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


def _raise_if_robbed(answer: Answer | Handover | Ready, attendance: Attendance) -> None:
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


def _checked(answer: Answer, task: Assignment) -> Answer:
    """Returns `answer` if it is one to `task`.

    Raises:
        WorkerDied: It is a report of something else; no stage, because that is never the candidate's doing.
    """
    if isinstance(task, Preparation):
        if isinstance(answer, Refused):
            return answer
        raise WorkerDied(None, f"it answered a {task.kind} with `{answer.kind}`", hung=False)
    whole = task.job if isinstance(task, Tracing | Replaying) else task
    if fits(answer, whole):
        return answer
    if isinstance(answer, Finished) and isinstance(whole, Job):
        about = f"submission {answer.report.submission[:12]} to {answer.report.problem}"
        raise WorkerDied(None, f"it answered another job: {about}", hung=False)
    raise WorkerDied(None, f"it answered a {task.kind} with `{answer.kind}`", hung=False)
