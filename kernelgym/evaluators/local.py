"""Evaluates in this process tree: a few worker processes, each with its own sandbox. The embedded default."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Self

from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference, KernelGymError
from kernelgym.evaluators.answers import Answer, read_report
from kernelgym.evaluators.attempts import REMEDY_HERE, attempt, attempt_halves, blamed
from kernelgym.evaluators.messages import (
    Described,
    Inquiry,
    Inspected,
    Inspection,
    Job,
    Ready,
    Refusal,
    Refused,
    Sheltered,
    Task,
)
from kernelgym.evaluators.patience import needs_gpu
from kernelgym.evaluators.process import WorkerDied, WorkerProcess
from kernelgym.evaluators.protocol import Request
from kernelgym.evaluators.started import AUTO_GPU, WORKER_MODULE
from kernelgym.problems import Problem
from sandboxes.contracts import Description, EvalConfig, Report, Submission, Weakness
from sandboxes.isolation.factory import check_sandbox_kind


class LocalEvaluator:
    """Implements `Evaluator` without any service; a context manager.

    Args:
        sandbox: `auto`, `process` or `bubblewrap`.
        workers: Evaluations at a time; each worker needs about 1 GiB of memory.
        threads: CPU threads of each worker; None shares the machine's cores out.
        on_gaps: Called once, with the sandbox's description and what it does not protect against, before the first
            candidate runs in a sandbox that leaves something open.
        gpu: What judges with `device="cuda"`: `auto` (the first GPU that `CUDA_VISIBLE_DEVICES` leaves) or `simulated`.
            Workers take turns with it. Each has a second process for it, without a sandbox, and a third that waits to
            take over when a kernel has spoiled the second one's GPU; both take some hundred MiB of its memory.
        worker_module: What a worker runs; another one stands in where its failures are tested.

    Raises:
        BadUsage: There is no such sandbox, or nobody to work.
    """

    def __init__(
        self,
        *,
        sandbox: str = "auto",
        workers: int = 1,
        threads: int | None = None,
        on_gaps: Callable[[str, tuple[str, ...]], None] | None = None,
        gpu: str = AUTO_GPU,
        worker_module: str = WORKER_MODULE,
    ) -> None:
        if workers < 1:
            raise BadUsage(f"workers is {workers}; it must be at least 1")
        if worker_module == WORKER_MODULE:
            _check_sandbox(sandbox)
        share = threads or max(1, len(os.sched_getaffinity(0)) // workers)
        self._on_gaps = on_gaps
        self._speaking = threading.Lock()
        self._workers = [WorkerProcess(sandbox, share, worker_module, self._sheltered, gpu=gpu) for _ in range(workers)]
        self._gpu_workers = [
            WorkerProcess(sandbox, share, worker_module, self._sheltered, gpu=gpu, beside=worker)
            for worker in self._workers
        ]
        self._fitting: set[tuple[str, str]] = set()
        self._idle: queue.SimpleQueue[tuple[WorkerProcess, WorkerProcess]] = queue.SimpleQueue()
        for pair in zip(self._workers, self._gpu_workers, strict=True):
            self._idle.put(pair)
        self._described: dict[str, Description] = {}
        self._closed = False

    def check(self, config: EvalConfig) -> None:
        """See `Checking.check`: opens the GPU if one is needed, and remembers that there is one.

        Raises:
            BadUsage: The configuration needs a GPU, and there is none here that fits; or the evaluator is closed.
            EvaluatorBroken: No worker could answer.
        """
        place = (config.device, config.target)
        if not needs_gpu(config) or place in self._fitting:
            return
        if self._closed:
            raise BadUsage("the evaluator is closed; make a new one")
        worker, gpu_worker = self._idle.get()
        try:
            found = gpu_worker.prepare(config)
        except WorkerDied as death:
            raise EvaluatorBroken(f"the GPU can't be made ready: a worker was lost ({death.detail})") from death
        finally:
            self._idle.put((worker, gpu_worker))
        if isinstance(found, Ready):
            self._fitting.add(place)
        elif found.why is Refusal.INFRASTRUCTURE:
            raise EvaluatorBroken(f"the GPU can't be made ready: {found.message}")
        else:
            raise BadUsage(found.message)

    def describe(self, problem: Problem) -> Description:
        """Returns the shapes of a problem's cases; remembers them. May be called from several threads.

        Raises:
            InvalidReference: The reference raises, lacks something, can't be scaled down, or ends its process.
            BadUsage: The evaluator is closed.
            EvaluatorBroken: No worker could answer.
        """
        known = self._described.get(problem.reference.digest)
        if known is not None and known.reference.id == problem.id:
            return known
        answer = self._ask(problem, Inquiry(reference=problem.reference), "described")
        assert isinstance(answer, Described)
        self._described[problem.reference.digest] = answer.description
        return answer.description

    def inspect(self, problem: Problem) -> tuple[Weakness, ...]:
        """Returns what is weak about a problem; empty if nothing is. May be called from several threads.

        Raises:
            InvalidReference, BadUsage, EvaluatorBroken: As `describe`.
        """
        answer = self._ask(problem, Inspection(reference=problem.reference), "inspected")
        assert isinstance(answer, Inspected)
        return answer.weaknesses

    def evaluate(self, submission: Submission, problem: Problem, config: EvalConfig) -> Report:
        """Returns the report of one candidate; may be called from several threads.

        Raises:
            InvalidReference: The problem's reference raises or lacks something.
            BadUsage: The configuration names an unknown target or device, or a GPU that is not here, or the evaluator
                is closed.
            EvaluatorBroken: The GPU can't be made ready.
        """
        self.check(config)
        job = Job(submission=submission, reference=problem.reference, config=config)
        try:
            answer = self._hand_out(job)
        except WorkerDied as last:
            return blamed(job, last)
        return read_report(answer, job, REMEDY_HERE)

    def evaluate_many(self, requests: Iterable[Request]) -> Iterator[tuple[int, Report]]:
        """Yields `(index of the request, report)` in the order in which they finish.

        Raises:
            InvalidReference, BadUsage: As `evaluate`; after all reports, for the first request that it is true of.
        """
        senseless: dict[int, KernelGymError] = {}
        with ThreadPoolExecutor(max_workers=len(self._workers)) as pool:
            futures = {pool.submit(self.evaluate, *request): index for index, request in enumerate(requests)}
            try:
                for future in as_completed(futures):
                    error = future.exception()
                    if isinstance(error, KernelGymError):
                        senseless[futures[future]] = error
                    else:
                        yield futures[future], future.result()
            finally:
                for future in futures:
                    future.cancel()
        if senseless:
            raise senseless[min(senseless)]

    def close(self) -> None:
        """Ends all workers; calling it again does nothing."""
        self._closed = True
        for worker in (*self._gpu_workers, *self._workers):
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Returns itself: whoever copies arguments, as Gymnasium's wrappers do, goes on with the same processes."""
        return self

    def _sheltered(self, sheltered: Sheltered) -> None:
        with self._speaking:
            if self._on_gaps is not None and sheltered.gaps:
                self._on_gaps(sheltered.sandbox, sheltered.gaps)
                self._on_gaps = None

    def _ask(self, problem: Problem, question: Inquiry | Inspection, what: str) -> Described | Inspected:
        """Returns a worker's answer about a problem.

        Raises:
            InvalidReference: The reference can't be used, or ends its process.
            BadUsage: The evaluator is closed.
            EvaluatorBroken: No worker could answer.
        """
        try:
            answer = self._hand_out(question)
        except WorkerDied as death:
            if death.ours:
                raise EvaluatorBroken(f"{problem.id} can't be {what}: a worker was lost ({death.detail})") from death
            raise InvalidReference.of(problem.id, f"can't be {what}: its worker ended ({death.detail})") from death
        if isinstance(answer, Described | Inspected):
            return answer
        assert isinstance(answer, Refused)
        if answer.why is Refusal.REFERENCE:
            raise InvalidReference.of(problem.id, answer.message)
        raise EvaluatorBroken(f"{problem.id} can't be {what}: {answer.message}; `kernelgym doctor` checks this machine")

    def _hand_out(self, task: Task) -> Answer:
        """Has the next idle worker do something, a second time if it dies of it.

        Raises:
            BadUsage: The evaluator is closed.
            WorkerDied: It died again; without a stage if it was doing something else then.
        """
        if self._closed:
            raise BadUsage("the evaluator is closed; make a new one")
        worker, gpu_worker = self._idle.get()
        try:
            if isinstance(task, Job) and needs_gpu(task.config):
                return attempt_halves(worker, gpu_worker, task)
            return attempt(worker, task)
        finally:
            self._idle.put((worker, gpu_worker))


def _check_sandbox(kind: str) -> None:
    try:
        check_sandbox_kind(kind)
    except ValueError as error:
        raise BadUsage(str(error)) from None
