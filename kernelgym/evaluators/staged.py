"""A worker process that can be asked for either half of an evaluation: what stands behind a station of serving."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from kernelgym.errors import BadUsage, WorkerLost
from kernelgym.evaluators.answers import Answer
from kernelgym.evaluators.attempts import attempt, blamed
from kernelgym.evaluators.messages import (
    Finished,
    Handover,
    Inquiry,
    Inspection,
    Job,
    Ready,
    Refusal,
    Refused,
    Replaying,
    Sheltered,
    Tracing,
    Work,
)
from kernelgym.evaluators.process import WorkerDied, WorkerProcess
from kernelgym.evaluators.started import AUTO_GPU, WORKER_MODULE
from kernelgym.serving.identity import fingerprint
from sandboxes.contracts import EvalConfig, Outcome, Stage


class StagedEvaluator:
    """Traces here what is replayed there. One call at a time; only `stop` may come from another thread.

    A context manager, which closes it.

    What a candidate does is in the answer, also if it ends its worker each time. `Refused` with the reason
    `infrastructure`, and `WorkerLost`, say nothing about it.

    Args:
        sandbox: `auto`, `process` or `bubblewrap`; only tracing needs one.
        threads: CPU threads of the worker process.
        worker_module: What the process runs; another one stands in where its failures are tested.
        on_stage: Called when a stage begins.
        on_sheltered: Called when it is known what sandbox candidates run in, before the first does.
        truths: Folder in which all workers of this machine keep right answers, and the secret seeds of their inputs,
            beyond their lives; at most 2 GiB. Nothing is kept where candidates could see it.
        gpu: Which GPU measures: `auto` (the first that `CUDA_VISIBLE_DEVICES` leaves) or `simulated`.
    """

    def __init__(
        self,
        *,
        sandbox: str = "auto",
        threads: int = 1,
        worker_module: str = WORKER_MODULE,
        on_stage: Callable[[Stage], None] = lambda stage: None,
        on_sheltered: Callable[[Sheltered], None] = lambda sheltered: None,
        truths: Path | None = None,
        gpu: str = AUTO_GPU,
    ) -> None:
        place = None if truths is None else truths / fingerprint()
        self._worker = WorkerProcess(sandbox, threads, worker_module, on_sheltered, on_stage, place, gpu)
        self._lock = threading.Lock()
        self._under_way = False
        self._closed = False

    def warm_up(self) -> None:
        """Makes the GPU ready in the background, for a first job that does not wait for it."""
        self._worker.warm_up()

    def prepare(self, config: EvalConfig | None = None) -> Ready:
        """Makes the GPU ready; returns what it is.

        Args:
            config: What it has to fit.

        Raises:
            BadUsage: There is none that fits, or it is closed.
            WorkerLost, Stopped: As `trace`.
        """
        with self._busy():
            try:
                found = self._worker.prepare(config)
            except WorkerDied as death:
                raise WorkerLost(death.detail) from death
        if isinstance(found, Ready):
            return found
        if found.why is Refusal.INFRASTRUCTURE:
            raise WorkerLost(found.message)
        raise BadUsage(found.message)

    def trace(self, job: Job) -> Answer | Handover:
        """Does the first half; an answer if it ends here, or what would have to be carried is too long.

        Raises:
            WorkerLost: The worker process ended, and not because of the job.
            Stopped: Somebody called `stop`.
            BadUsage: It is closed.
        """
        found = self._run(Tracing(job=job))
        if isinstance(found, Refused) and found.why is Refusal.TOO_LONG:  # for a queue there is no other way
            return found.model_copy(update={"why": Refusal.INFRASTRUCTURE})
        return found

    def replay(self, job: Job, handover: Handover) -> Answer:
        """Does the second half.

        Raises:
            WorkerLost, Stopped, BadUsage: As `trace`.
        """
        return _answer(self._run(Replaying(job=job), handover.bundle))

    def evaluate(self, job: Job) -> Answer:
        """Does both.

        Raises:
            WorkerLost, Stopped, BadUsage: As `trace`.
        """
        return _answer(self._run(job))

    def describe(self, inquiry: Inquiry) -> Answer:
        """Describes a reference.

        Raises:
            WorkerLost, Stopped, BadUsage: As `trace`.
        """
        return _answer(self._run(inquiry))

    def inspect(self, inspection: Inspection) -> Answer:
        """Looks a reference through.

        Raises:
            WorkerLost, Stopped, BadUsage: As `trace`.
        """
        return _answer(self._run(inspection))

    def stop(self) -> None:
        """Ends the call that is under way in another thread, which raises `Stopped`; without one it does nothing."""
        with self._lock:
            if self._under_way:
                self._worker.interrupt()

    def close(self) -> None:
        """Ends the worker process; calling it again does nothing."""
        self._closed = True
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, task: Work, bundle: bytes = b"") -> Answer | Handover:
        with self._busy():
            try:
                return attempt(self._worker, task, bundle)
            except WorkerDied as death:
                if isinstance(task, Inquiry | Inspection):
                    if death.ours:
                        raise WorkerLost(death.detail) from death
                    text = f"the reference `{task.reference.id}` ended its worker ({death.detail})"
                    return Refused(why=Refusal.REFERENCE, message=text)
                report = blamed(task if isinstance(task, Job) else task.job, death)
                if report.outcome is Outcome.INFRASTRUCTURE:
                    raise WorkerLost(death.detail) from death
                return Finished(report=report)

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """Inside it `stop` ends what is under way."""
        if self._closed:
            raise BadUsage("the evaluator is closed; make a new one")
        with self._lock:
            self._worker.forget_interrupt()
            self._under_way = True
        try:
            yield
        finally:
            with self._lock:
                self._under_way = False


def _answer(found: Answer | Handover) -> Answer:
    assert not isinstance(found, Handover)  # `WorkerProcess` takes that for an answer to `Tracing` only
    return found
