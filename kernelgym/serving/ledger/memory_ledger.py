"""The ledger of one process tree: in memory, with its answers in a file if they should outlive it."""

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from kernelgym.serving.errors import TooBusy
from kernelgym.serving.identity import job_id, judge_versions
from kernelgym.serving.jobs import (
    MAX_ATTEMPTS,
    Answer,
    Claim,
    JobState,
    JobView,
    Order,
    Overview,
    Priority,
    QueueView,
    Verdict,
    WorkerView,
)
from kernelgym.serving.ledger import records
from kernelgym.serving.ledger.answers import Answers, AnswersInMemory, Kept
from kernelgym.serving.ledger.answers_file import AnswersInFile
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.mailbox import Mailbox
from kernelgym.serving.ledger.memory_job import MemoryJob
from kernelgym.serving.ledger.protocol import SERVED_S
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.routing import Station, queue_for, route
from kernelgym.serving.telemetry.durations import increments

MAX_KEYS: Final = 100_000
"""Keys of `once` kept at a time."""


class MemoryLedger:
    """A `Ledger` and its `Upkeep` for the threads of one process.

    Args:
        path: File that keeps the answers (SQLite); None: they end with the process. What is open ends with it anyway.
        engine: What `overview` calls this engine.
        bounds: How much is kept.

    Raises:
        LedgerUnavailable: The file can't be opened. One whose content is damaged is set aside.
    """

    def __init__(self, path: Path | None = None, *, engine: str = "embedded", bounds: Bounds | None = None) -> None:
        self._engine = engine
        self._bounds = bounds = bounds or Bounds()
        self._file = None if path is None else AnswersInFile(path, bounds.max_answers, bounds.answer_ttl_s)
        self._answers: Answers = (
            AnswersInMemory(bounds.max_answers, bounds.answer_ttl_s) if self._file is None else self._file
        )
        self._passing = AnswersInMemory(bounds.max_answers, bounds.refusal_ttl_s)
        self._lock = threading.RLock()
        self._jobs: dict[str, MemoryJob] = {}
        self._in_queue: Counter[str] = Counter()
        self._sent: Counter[tuple[str, Priority]] = Counter()
        self._claimed: dict[tuple[str, Priority], int] = {}
        self._mailboxes: set[Mailbox] = set()
        self._workers: dict[str, WorkerView] = {}
        self._served: dict[str, float] = {}
        self._counters: Counter[str] = Counter()
        self._lines: deque[Verdict] = deque(maxlen=bounds.max_verdicts)
        self._once: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._leader: tuple[str, float] = ("", 0.0)

    def submit(self, order: Order, waiter: str) -> tuple[JobView, bool]:
        """See `Ledger.submit`."""
        return self.submit_many((order,), waiter)[0]

    def submit_many(self, orders: Sequence[Order], waiter: str) -> list[tuple[JobView, bool]]:
        """See `Ledger.submit_many`."""
        asked = [(job_id(order.task, order.gpu), order) for order in orders]
        ids = {id for id, _ in asked}
        with self._lock:
            kept = {id: self._answer(id) for id in ids}
        # Reading takes longer than finding: without the lock.
        read = {id: view for id, answer in kept.items() if (view := self._read(id, answer)) is not None}
        with self._lock:
            for id in ids - read.keys():  # answered meanwhile
                if (view := self._read(id, self._answer(id))) is not None:
                    read[id] = view
            new = len(ids - read.keys() - self._jobs.keys())
            if new and len(self._jobs) + new > self._bounds.max_open:
                raise TooBusy(len(self._jobs), self._bounds.max_open, wanted=new)
            return [self._take(id, order, waiter, read.get(id)) for id, order in asked]

    def claim(self, id: str, station: Station, worker: str) -> Claim | None:
        """See `Ledger.claim`."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None or job.state is not JobState.QUEUED or job.station is not station:
                return None
            if job.attempts >= MAX_ATTEMPTS:
                self._finish(id, records.quarantine(station), "")
                self._counters["quarantined"] += 1
                return None
            place = (job.queue, job.priority)
            self._claimed[place] = max(self._claimed.get(place, 0), job.sequence)
            return job.claim(worker)

    def bundle(self, id: str) -> bytes | None:
        """See `Ledger.bundle`."""
        with self._lock:
            job = self._jobs.get(id)
            return None if job is None else job.bundle

    def note(self, id: str, token: str, stage: str) -> bool:
        """See `Ledger.note`."""
        with self._lock:
            job = self._held(id, token)
            if job is not None:
                job.stage = stage
            return job is not None

    def advance(
        self, id: str, token: str, station: Station, bundle: bytes, timings_s: Mapping[str, float]
    ) -> Priority | None:
        """See `Ledger.advance`."""
        with self._lock:
            job = self._held(id, token)
            if job is None:
                return None
            if station not in route(job.task):
                raise ValueError(f"the job {id} never passes the station {station}")
            self._leave_queue(job.queue)
            job.station, job.queue = station, queue_for(job.task, station)
            self._in_queue[job.queue] += 1
            job.bundle, job.attempts = bundle, 0
            job.add(timings_s)
            job.wait_again()
            return job.priority

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: Mapping[str, float]) -> bool:
        """See `Ledger.settle`."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                kept = self._kept(id)
                if kept is not None and kept.record:
                    self._counters["discarded"] += 1
                return False
            holder = token is not None and job.token == token
            if token is not None and not holder and not records.is_answer(answer):
                return False
            job.add(timings_s)
            self._finish(id, answer, job.worker if holder else "")
            self._counters["expired" if token is None else "computed"] += 1
            if token is not None:
                work, total = sum(job.timings_s.values()), job.age_s
                parts = {"work": work, "total": total, "wait": max(0.0, total - work)}
                self._counters.update(increments(records.stages_of(answer) | parts))
            return True

    def release(self, id: str, token: str, *, lost: bool) -> Priority | None:
        """See `Ledger.release`."""
        with self._lock:
            job = self._held(id, token)
            if job is None:
                return None
            if lost:
                self._counters["retried"] += 1
            else:
                job.attempts -= 1
            job.wait_again()
            return job.priority

    def cancel(self, id: str, waiter: str) -> bool:
        """See `Ledger.cancel`."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                return False
            job.waiters.pop(waiter, None)
            if job.waiters:
                return False
            self._end(id, Kept(record=b"", attempts=job.attempts, request_id=job.request_id, is_answer=False))
            self._counters["cancelled"] += 1
            return True

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        """See `Ledger.view`."""
        with self._lock:
            found = [self._jobs[id].view() if id in self._jobs else self._kept(id) for id in ids]
        # Reading takes longer than finding: without the lock.
        return [self._read(id, one) if isinstance(one, Kept) else one for id, one in zip(ids, found, strict=True)]

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        """See `Ledger.wait`."""
        mailbox = Mailbox(ids)
        with self._lock:
            ended = {id for id in ids if id not in self._jobs}
            if ended or not ids:
                return ended
            self._mailboxes.add(mailbox)
        try:
            return mailbox.wait(max(0.0, timeout_s))
        finally:
            with self._lock:
                self._mailboxes.discard(mailbox)

    def beat(self, worker: WorkerView) -> None:
        """See `Ledger.beat`."""
        with self._lock:
            before = self._workers.get(worker.id)
            beat = 1 if before is None else before.beat + 1
            self._workers[worker.id] = worker.model_copy(update={"beat": beat})
            self._served.update(dict.fromkeys(worker.queues, time.monotonic()))

    def served(self, queue: str) -> bool:
        """See `Ledger.served`."""
        with self._lock:
            return time.monotonic() - self._served.get(queue, -math.inf) < SERVED_S

    def leave(self, worker: str) -> None:
        """See `Ledger.leave`."""
        self.forget_worker(worker)

    def once(self, key: str, digest: str) -> str:
        """See `Ledger.once`."""
        with self._lock:
            now = time.monotonic()
            while self._once and (len(self._once) > MAX_KEYS or next(iter(self._once.values()))[0] < now):
                self._once.popitem(last=False)
            return self._once.setdefault(key, (now + self._bounds.once_ttl_s, digest))[1]

    def overview(self, recent: int = 50) -> Overview:
        """See `Ledger.overview`."""
        with self._lock:
            counters = dict(self._counters)
            if self._file is not None:
                counters["unkept"] = self._file.unkept
            return Overview(
                engine=self._engine,
                versions=judge_versions(),
                queues=self._queues(),
                workers=tuple(self._workers[id] for id in sorted(self._workers)),
                counters=counters,
                remembered=len(self._answers) + len(self._passing),
                recent=tuple(islice(self._lines, max(0, recent))),
            )

    def verdicts(self, count: int) -> list[Verdict]:
        """See `Ledger.verdicts`."""
        with self._lock:
            return list(islice(self._lines, max(0, count)))

    def close(self) -> None:
        """See `Ledger.close`."""
        with self._lock:
            self._answers.close()

    def lead(self, who: str, seconds: float) -> bool:
        """See `Upkeep.lead`."""
        with self._lock:
            present, until = self._leader
            if present not in ("", who) and time.monotonic() < until:
                return False
            self._leader = (who, time.monotonic() + seconds)
            return True

    def open_jobs(self) -> list[OpenJob]:
        """See `Upkeep.open_jobs`."""
        with self._lock:
            return [job.open_job() for job in self._jobs.values()]

    def deadlines(self, ids: Sequence[str]) -> dict[str, float]:
        """See `Upkeep.deadlines`."""
        with self._lock:
            return {id: max(self._jobs[id].waiters.values()) for id in ids if id in self._jobs}

    def sending(self, id: str) -> int:
        """See `Upkeep.sending`."""
        with self._lock:
            job = self._jobs.get(id)
            if job is None or job.state is not JobState.QUEUED:
                return 0
            self._sent[job.queue, job.priority] += 1
            job.sequence = self._sent[job.queue, job.priority]
            return job.sequence

    def sending_many(self, ids: Sequence[str]) -> list[int]:
        """See `Upkeep.sending_many`."""
        with self._lock:
            return [self.sending(id) for id in ids]

    def overtaken(self, queue: str, priority: Priority) -> int:
        """See `Upkeep.overtaken`."""
        with self._lock:
            return self._claimed.get((queue, priority), 0)

    def beats(self) -> dict[str, int]:
        """See `Upkeep.beats`."""
        with self._lock:
            return {id: worker.beat for id, worker in self._workers.items()}

    def forget_worker(self, worker: str) -> None:
        """See `Upkeep.forget_worker`."""
        with self._lock:
            self._workers.pop(worker, None)

    def _answer(self, id: str) -> Kept | None:
        """Returns what is an answer to somebody new."""
        return None if id in self._jobs or self._passing.get(id) else self._answers.get(id)

    def _take(self, id: str, order: Order, waiter: str, known: JobView | None) -> tuple[JobView, bool]:
        job = self._jobs.get(id)
        if job is None and known is not None:
            self._answers.use(id)
            self._counters.update(("submitted", "hits"))
            return known.model_copy(update={"cached": True}), False
        if job is not None:
            self._counters.update(("submitted", "joined"))
            send = job.join(order, waiter)
            return job.view(), send
        self._passing.forget(id)
        self._jobs[id] = job = MemoryJob.of(id, order, waiter)
        self._in_queue[job.queue] += 1
        self._counters["submitted"] += 1
        return job.view(), True

    def _held(self, id: str, token: str) -> MemoryJob | None:
        job = self._jobs.get(id)
        return job if job is not None and job.held(token) else None

    def _leave_queue(self, queue: str) -> None:
        self._in_queue[queue] -= 1
        if not self._in_queue[queue]:  # nobody is left whom its numbers could concern
            del self._in_queue[queue]
            for priority in Priority:
                self._sent.pop((queue, priority), None)
                self._claimed.pop((queue, priority), None)

    def _finish(self, id: str, answer: Answer, worker: str) -> None:
        job = self._jobs[id]
        line = records.line_of(answer)
        self._lines.appendleft(
            Verdict(
                id=id,
                at=time.time(),
                problem=job.task.reference.id,
                kind=job.task.kind,
                outcome=line.outcome,
                speedup=line.speedup,
                worker=worker,
                total_s=job.age_s,
                work_s=sum(job.timings_s.values()),
                attempts=job.attempts,
                request_id=job.request_id,
            )
        )
        self._counters[f"outcome:{line.outcome}"] += 1
        kept = Kept(
            record=records.record_of(answer),
            attempts=job.attempts,
            request_id=job.request_id,
            is_answer=records.is_answer(answer),
        )
        self._end(id, kept)

    def _end(self, id: str, kept: Kept) -> None:
        (self._answers if kept.is_answer else self._passing).put(id, kept)
        self._leave_queue(self._jobs.pop(id).queue)
        for mailbox in self._mailboxes:
            mailbox.tell(id)

    def _kept(self, id: str) -> Kept | None:
        return self._passing.get(id) or self._answers.get(id)

    def _read(self, id: str, kept: Kept | None) -> JobView | None:
        if kept is None:
            return None
        if not kept.record:
            return JobView(id=id, state=JobState.CANCELLED, attempts=kept.attempts, request_id=kept.request_id)
        answer = records.answer_of(kept.record)
        if answer is None:
            with self._lock:
                self._answers.forget(id)
            return None
        return JobView(id=id, state=JobState.DONE, attempts=kept.attempts, request_id=kept.request_id, answer=answer)

    def _queues(self) -> tuple[QueueView, ...]:
        now = time.monotonic()
        serving = Counter(queue for worker in self._workers.values() for queue in worker.queues)
        waiting = Counter((job.queue, job.priority) for job in self._jobs.values() if job.state is JobState.QUEUED)
        running = Counter(job.queue for job in self._jobs.values() if job.state is JobState.RUNNING)
        oldest: dict[str, float] = {}
        for job in self._jobs.values():
            if job.state is JobState.QUEUED:
                oldest[job.queue] = max(oldest.get(job.queue, 0.0), now - job.queued)
        return tuple(
            QueueView(
                name=name,
                waiting={priority: waiting[name, priority] for priority in Priority},
                running=running[name],
                workers=serving[name],
                oldest_s=oldest.get(name),
            )
            for name in sorted({*self._in_queue, *serving})
        )
