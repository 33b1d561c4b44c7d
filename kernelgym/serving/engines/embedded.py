"""The engine of one process tree: threads, each with an evaluator process of its own. Needs no service."""

import itertools
import os
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kernelgym.errors import BadUsage
from kernelgym.evaluators.messages import Job, Ready, Sheltered, Task
from kernelgym.evaluators.staged import StagedEvaluator
from kernelgym.evaluators.started import AUTO_GPU
from kernelgym.serving.dispatch import Message
from kernelgym.serving.engines.ledger_engine import LedgerEngine
from kernelgym.serving.errors import NoSuchStation
from kernelgym.serving.identity import gpu_identity, is_simulated, judge_versions
from kernelgym.serving.janitor import Janitor
from kernelgym.serving.jobs import JobView, Order, Priority, WorkerView
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.memory_ledger import MemoryLedger
from kernelgym.serving.routing import Station, queue_of, route
from kernelgym.serving.working.observer import Observer
from kernelgym.serving.working.pulse import worker_id
from kernelgym.serving.working.runner import Evaluating, JobRunner, OpenEvaluator
from sandboxes.contracts import Stage

RANK: Final = {Priority.INTERACTIVE: 0, Priority.BATCH: 1}

CLOSING_S: Final = 10.0
"""Longest wait for a thread whose evaluator was ended."""

Waiting = tuple[int, int, str]
"""Rank, number and id of a job; the smallest one goes first."""


class ThreadQueue:
    """The one queue of an embedded engine; a `BatchDispatch`.

    Args:
        number: Told of each message before it is sent (`Upkeep.sending`).
    """

    def __init__(self, number: Callable[[str], int]) -> None:
        self._number = number
        self._queue: queue.PriorityQueue[Waiting] = queue.PriorityQueue()
        self._order = itertools.count()

    def __call__(self, queue: str, id: str, priority: Priority, request_id: str) -> None:
        """Sends one message."""
        self._number(id)
        self._queue.put((RANK[priority], next(self._order), id))

    def send_many(self, messages: Sequence[Message]) -> None:
        """See `BatchDispatch.send_many`."""
        for message in messages:
            self(message.queue, message.id, message.priority, message.request_id)

    def waiting(self, queue: str) -> int:
        """Returns how many messages wait."""
        return self._queue.qsize()

    def next(self) -> str:
        """Returns the id of the job whose turn it is; empty if it is time to end."""
        return self._queue.get()[2]

    def end(self, threads: int) -> None:
        """Has so many threads end before they take another job."""
        for _ in range(threads):
            self._queue.put((-1, next(self._order), ""))


class EmbeddedEngine(LedgerEngine):
    """Implements `Engine` without a broker and a store: for one machine, tests, and `kernelgym serve` on a laptop.

    Args:
        workers: Evaluations at a time; each needs about 1 GiB of memory.
        sandbox: `auto`, `process` or `bubblewrap`.
        threads: CPU threads of each worker; None shares the machine's cores out.
        gpu: What measures, `auto` or `simulated`: the workers take turns with it. None: no GPU is used.
        answers: File in which answers survive a restart; None: they don't.
        bounds: How many jobs may be open, and how much is kept.
        observer: Told what the workers do.
        open_evaluator: Makes what works; None: a `StagedEvaluator`.

    Raises:
        BadUsage: There is to be no worker, or no GPU that can be used.
        WorkerLost: The GPU can't be made ready.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        sandbox: str = "auto",
        threads: int | None = None,
        gpu: str | None = None,
        answers: Path | None = None,
        bounds: Bounds | None = None,
        observer: Observer | None = None,
        open_evaluator: OpenEvaluator | None = None,
    ) -> None:
        if workers < 1:
            raise BadUsage(f"workers is {workers}; it must be at least 1")
        if gpu is not None and is_simulated(gpu) and answers is not None and "gpu" not in judge_versions():
            raise BadUsage(
                f"what the GPU {gpu!r} makes up must not be kept in {answers} beside what others measure; set "
                "KERNELGYM_GPU=simulated for the whole process, or keep no answers"
            )
        share = threads or max(1, len(os.sched_getaffinity(0)) // workers)
        self._ready = None if gpu is None else _examine(gpu)
        ledger = MemoryLedger(answers, bounds=bounds)
        self._messages = ThreadQueue(ledger.sending)
        super().__init__(ledger, self._messages)
        opened = open_evaluator or _opener(sandbox, share, gpu)
        self._runners = [
            JobRunner(ledger, self._messages, opened, self._view(), observer=observer, in_one_go=True)
            for _ in range(workers)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(runner,), name=f"kernelgym-worker-{number}", daemon=True)
            for number, runner in enumerate(self._runners)
        ]
        self._janitor = Janitor(ledger, self._messages, self._messages.waiting, f"embedded-{worker_id()}")
        self._closing = threading.Lock()
        self._closed = False
        for runner, thread in zip(self._runners, self._threads, strict=True):
            runner.start()
            thread.start()
        self._janitor.start()

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        """See `Engine.submit`.

        Raises:
            BadUsage: The engine is closed.
        """
        if self._closed:
            raise BadUsage("the engine is closed; make a new one")
        for order in orders:
            if Station.MEASURE in route(order.task):
                self._check_target(order.task)
        gpu = "" if self._ready is None else gpu_identity(self._ready)
        named = [
            order.model_copy(update={"gpu": gpu}) if Station.MEASURE in route(order.task) else order for order in orders
        ]
        return super().submit(named, waiter)

    def ready(self) -> str | None:
        """See `Engine.ready`."""
        if self._closed:
            return "the engine is closed; start it again"
        if not any(thread.is_alive() for thread in self._threads):
            return "all worker threads have ended; start it again, and report this"
        return None

    def close(self) -> None:
        """Ends all workers at once, in the middle of their work; calling it again does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._janitor.close()
        self._messages.end(len(self._threads))
        for runner in self._runners:
            runner.abandon()
        for thread in self._threads:
            thread.join(CLOSING_S)
        for runner in self._runners:
            runner.close()
        self._ledger.close()

    def _view(self) -> WorkerView:
        """Returns who a new worker is."""
        ready = self._ready
        return WorkerView(
            id=worker_id(),
            host=os.uname().nodename,
            pid=os.getpid(),
            queues=(queue_of(Station.TRACE),),
            versions=judge_versions(),
            device="cpu" if ready is None else ready.title,
            gpu="" if ready is None else gpu_identity(ready),
        )

    def _check_target(self, task: Task) -> None:
        """Checks that what a task is to be measured on is here.

        Raises:
            NoSuchStation: It is not.
        """
        if self._ready is None:
            raise NoSuchStation(
                f"{task.reference.id} is to be measured on a GPU, and this engine has CPU workers only: use device "
                "cpu, let it use this machine's (kernelgym serve --gpu auto), or a service with Redis and a worker for "
                "that GPU (kernelgym worker --gpu)"
            )
        target = task.config.target if isinstance(task, Job) else ""
        if target not in self._ready.targets:
            known = ", ".join(self._ready.targets) or "no known one"
            raise NoSuchStation(
                f"{task.reference.id} is to be measured on the target {target}, and the GPU here is "
                f"{self._ready.title}, which fits {known}"
            )

    def _work(self, runner: JobRunner) -> None:
        while (id := self._messages.next()) != "":
            runner.work(id, Station.TRACE)


def _opener(sandbox: str, threads: int, gpu: str | None) -> OpenEvaluator:
    def open_evaluator(on_stage: Callable[[Stage], None], on_sheltered: Callable[[Sheltered], None]) -> Evaluating:
        return StagedEvaluator(
            sandbox=sandbox, threads=threads, on_stage=on_stage, on_sheltered=on_sheltered, gpu=gpu or AUTO_GPU
        )

    return open_evaluator


def _examine(gpu: str) -> Ready:
    """Returns what the GPU is; opens it once to find out, in a process of its own.

    Raises:
        BadUsage: There is none that can be used.
        WorkerLost: It can't be made ready.
    """
    with StagedEvaluator(gpu=gpu) as trial:
        return trial.prepare()
