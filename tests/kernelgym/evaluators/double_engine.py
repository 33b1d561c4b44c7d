"""An engine without workers: answers from a function, and fails on demand."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from kernelgym.evaluators.messages import Finished, Inspected, Job, Task
from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import Answer, JobState, JobView, Order, Overview, Verdict
from sandboxes.contracts import Outcome
from tests.reports import failed_report


def incorrect(task: Task) -> Answer:
    """Answers every job with `incorrect`."""
    if not isinstance(task, Job):
        return Inspected(weaknesses=())
    identity = {"submission": task.submission.digest, "problem": task.reference.id, "config": task.config}
    return Finished(report=failed_report(Outcome.INCORRECT).model_copy(update=identity))


class DoubleEngine:
    """Implements `Engine`.

    Args:
        answer: Says what comes of a task; None: it stays under way until `finish`.
        room: Jobs that may be open.
    """

    def __init__(self, answer: Callable[[Task], Answer | None] = incorrect, room: int = 10_000) -> None:
        self.answer = answer
        self.room = room
        self.outage = False
        """True while the store can't be reached."""
        self.submitted: list[str] = []
        self.largest = 0
        """Most jobs that were open at a time."""
        self.reason: str | None = None
        """What `ready` says."""
        self.closed = False
        self._tasks: dict[str, Task] = {}
        self._answers: dict[str, Answer] = {}
        self._waiters: dict[str, set[str]] = {}
        self._changed = threading.Condition(threading.RLock())

    @property
    def open(self) -> list[str]:
        """Jobs without an answer that somebody wants."""
        return [id for id in self._tasks if id not in self._answers and self._waiters[id]]

    @property
    def times_submitted(self) -> Counter[str]:
        """How often each job was ordered."""
        return Counter(self.submitted)

    def flush(self) -> None:
        """Forgets everything."""
        with self._changed:
            self._tasks.clear()
            self._answers.clear()
            self._waiters.clear()
            self._changed.notify_all()

    def finish(self, count: int = 1, answer: Callable[[Task], Answer] = incorrect) -> None:
        """Answers some of the open ones, oldest first."""
        with self._changed:
            for id in self.open[:count]:
                self._answers[id] = answer(self._tasks[id])
            self._changed.notify_all()

    def finish_soon(self, count: int = 1, when_open: int = 1) -> None:
        """Answers some from another thread, as soon as so many are open."""

        def wait() -> None:
            with self._changed:
                if self._changed.wait_for(lambda: len(self.open) >= when_open, 10):
                    self.finish(count)

        threading.Thread(target=wait, daemon=True).start()

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        with self._changed:
            self._check()
            new = {job_id(order.task) for order in orders} - set(self._tasks)
            if len(self.open) + len(new) > self.room:
                raise TooBusy(len(self.open), self.room, retry_after_s=0.01)
            for order in orders:
                id = job_id(order.task)
                self.submitted.append(id)
                self._tasks[id] = order.task
                self._waiters.setdefault(id, set()).add(waiter)
                if id not in self._answers and (answer := self.answer(order.task)) is not None:
                    self._answers[id] = answer
            self.largest = max(self.largest, len(self.open))
            self._changed.notify_all()
            return [self._view(job_id(order.task)) for order in orders]

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        with self._changed:
            self._check()
            return [self._view(id) if id in self._tasks else None for id in ids]

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                self._check()
                done = {id for id in ids if id in self._answers or not self._waiters.get(id)}
                left = deadline - time.monotonic()
                if done or left <= 0:
                    return done
                self._changed.wait(left)

    def cancel(self, ids: Sequence[str], waiter: str) -> int:
        with self._changed:
            self._check()
            for id in ids:
                self._waiters.get(id, set()).discard(waiter)
            self._changed.notify_all()
            return sum(not self._waiters.get(id) for id in ids)

    def overview(self, recent: int = 50) -> Overview:
        raise NotImplementedError

    def verdicts(self, count: int) -> list[Verdict]:
        return []

    def once(self, key: str, digest: str) -> str:
        return digest

    def ready(self) -> str | None:
        return self.reason

    def close(self) -> None:
        self.closed = True

    def _view(self, id: str) -> JobView:
        if id in self._answers:
            return JobView(id=id, state=JobState.DONE, answer=self._answers[id])
        return JobView(id=id, state=JobState.QUEUED if self._waiters[id] else JobState.CANCELLED)

    def _check(self) -> None:
        if self.outage:
            raise LedgerUnavailable("the store is away")
