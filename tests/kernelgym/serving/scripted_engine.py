"""An engine that answers when a test says so, or as a script says; to test whatever stands on an engine."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from kernelgym.evaluators.messages import Finished, Inspected, Job, Refusal, Refused, Task
from kernelgym.serving.errors import LedgerUnavailable, TooBusy
from kernelgym.serving.identity import job_id, judge_versions
from kernelgym.serving.jobs import Answer, JobState, JobView, Order, Overview, Verdict
from kernelgym.serving.routing import Station
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage

Script = Callable[[Task], Answer | None]
"""Answers a task at once; None: it waits until `finish`."""


def finished(task: Task, outcome: Outcome = Outcome.SYNTAX_ERROR) -> Answer:
    """Returns a small answer to a job; to anything else, a refusal."""
    if not isinstance(task, Job):
        return Refused(why=Refusal.REFERENCE, message="scripted")
    report = Report(
        outcome=outcome, submission=task.submission.digest, problem=task.reference.id, config=task.config,
        diagnostics=(Diagnostic(stage=Stage.TRACE, message="scripted"),),
    )  # fmt: skip
    return Finished(report=report)


def incorrect(task: Task) -> Answer:
    """Answers a job with `incorrect`, and finds nothing weak."""
    return finished(task, Outcome.INCORRECT) if isinstance(task, Job) else Inspected(weaknesses=())


def waiting(task: Task) -> None:
    """Leaves everything open."""


class ScriptedEngine:
    """An `Engine` without workers.

    Args:
        script: Answers at once what it has an answer for.
        max_open: Jobs without an answer at a time.
        retry_after_s: When to ask again if there are more.
    """

    def __init__(self, script: Script = waiting, *, max_open: int = 10_000, retry_after_s: float = 1.0) -> None:
        self.script = script
        self._max_open = max_open
        self._retry_after_s = retry_after_s
        self._changed = threading.Condition()
        self._views: dict[str, JobView] = {}
        self._tasks: dict[str, Task] = {}
        self._waiters: dict[str, set[str]] = {}
        self._keys: dict[str, str] = {}
        self._verdicts: list[Verdict] = []
        self.orders: list[Order] = []
        """All that was ordered."""
        self.largest = 0
        """Most jobs that were open at a time."""
        self.waits = 0
        """Times somebody has asked to wait."""
        self.away = False
        """True: the ledger can't be reached."""
        self.problem: str | None = None
        """What `ready` says."""
        self.closed = False

    @property
    def open(self) -> list[str]:
        """Jobs without an answer that somebody wants."""
        return [id for id, view in self._views.items() if view.state is JobState.QUEUED]

    @property
    def times_ordered(self) -> Counter[str]:
        """How often each job was ordered."""
        return Counter(job_id(order.task) for order in self.orders)

    def submit(self, orders: Sequence[Order], waiter: str) -> list[JobView]:
        with self._changed:
            self._check()
            new = {job_id(order.task) for order in orders}.difference(self._views)
            if len(self.open) + len(new) > self._max_open:
                raise TooBusy(len(self.open), self._max_open, self._retry_after_s)
            views = [self._submit(order, waiter) for order in orders]
            self.largest = max(self.largest, len(self.open))
            self._changed.notify_all()
            return views

    def _submit(self, order: Order, waiter: str) -> JobView:
        id = job_id(order.task)
        self.orders.append(order)
        self._tasks[id] = order.task
        known = self._views.get(id)
        if known is not None and known.state is JobState.DONE:
            return known.model_copy(update={"cached": True})
        self._waiters.setdefault(id, set()).add(waiter)
        if known is None or known.state is JobState.CANCELLED:
            self._views[id] = JobView(
                id=id, state=JobState.QUEUED, station=Station.TRACE, request_id=order.request_id
            )  # fmt: skip
            if (answer := self.script(order.task)) is not None:
                self._finish(id, answer)
        return self._views[id]

    def finish(self, id: str, answer: Answer | None = None) -> None:
        """Answers a job."""
        with self._changed:
            self._finish(id, answer or finished(self._tasks[id]))

    def finish_some(self, count: int = 1, answer: Script = incorrect) -> None:
        """Answers some of the open ones, oldest first."""
        with self._changed:
            for id in self.open[:count]:
                self._finish(id, answer(self._tasks[id]) or finished(self._tasks[id]))

    def finish_soon(self, count: int = 1, *, when_open: int = 1) -> None:
        """Answers some from another thread, as soon as so many are open."""

        def wait() -> None:
            with self._changed:
                if self._changed.wait_for(lambda: len(self.open) >= when_open, 10):
                    self.finish_some(count)

        threading.Thread(target=wait, daemon=True).start()

    def forget(self, id: str) -> None:
        """Forgets a job."""
        with self._changed:
            del self._views[id]
            self._changed.notify_all()

    def flush(self) -> None:
        """Forgets everything, as a store that was emptied does."""
        with self._changed:
            self._views.clear()
            self._waiters.clear()
            self._changed.notify_all()

    def _finish(self, id: str, answer: Answer) -> None:
        done = {"state": JobState.DONE, "answer": answer, "station": None, "attempts": 1}
        self._views[id] = self._views[id].model_copy(update=done)
        outcome = answer.report.outcome.value if isinstance(answer, Finished) else answer.kind
        request_id = self._views[id].request_id
        problem = answer.report.problem if isinstance(answer, Finished) else "-"
        self._verdicts.insert(
            0, Verdict(id=id, at=0.0, problem=problem, kind="job", outcome=outcome, request_id=request_id)
        )  # fmt: skip
        self._changed.notify_all()

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        with self._changed:
            self._check()
            return [self._views.get(id) for id in ids]

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        with self._changed:
            self.waits += 1
            self._changed.wait_for(lambda: self.away or bool(self._ended(ids)), timeout_s)
            self._check()
            return self._ended(ids)

    def _ended(self, ids: Sequence[str]) -> set[str]:
        return {id for id in ids if id not in self._views or self._views[id].state is not JobState.QUEUED}

    def cancel(self, ids: Sequence[str], waiter: str) -> int:
        with self._changed:
            self._check()
            return sum(self._cancel(id, waiter) for id in ids)

    def _cancel(self, id: str, waiter: str) -> bool:
        waiters = self._waiters.get(id, set())
        waiters.discard(waiter)
        if waiters or id not in self._views or self._views[id].state is not JobState.QUEUED:
            return False
        self._views[id] = self._views[id].model_copy(update={"state": JobState.CANCELLED, "station": None})
        self._changed.notify_all()
        return True

    def overview(self, recent: int = 50) -> Overview:
        with self._changed:
            self._check()
            counters = Counter(f"outcome:{verdict.outcome}" for verdict in self._verdicts)
            return Overview(
                engine="scripted", versions=judge_versions(), queues=(), workers=(),
                counters={"submitted": len(self.orders), **counters}, remembered=len(self._verdicts),
                recent=tuple(self._verdicts[:recent]),
            )  # fmt: skip

    def verdicts(self, count: int) -> list[Verdict]:
        with self._changed:
            self._check()
            return self._verdicts[:count]

    def once(self, key: str, digest: str) -> str:
        with self._changed:
            self._check()
            return self._keys.setdefault(key, digest)

    def ready(self) -> str | None:
        return self.problem

    def close(self) -> None:
        self.closed = True

    def break_down(self, away: bool = True) -> None:
        """Takes the ledger away, or gives it back."""
        with self._changed:
            self.away = away
            self._changed.notify_all()

    def _check(self) -> None:
        if self.away:
            raise LedgerUnavailable("the ledger at redis://secret:password@10.0.0.1 is away")
