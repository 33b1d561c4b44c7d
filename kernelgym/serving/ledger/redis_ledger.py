"""The ledger for several processes and machines, in Redis: every step is one script, so that none is half done."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from kernelgym.evaluators.messages import TASK, Task
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
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.protocol import SERVED_S
from kernelgym.serving.ledger.redis_news import FRESH_S, News
from kernelgym.serving.ledger.redis_store import RedisStore
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.routing import Station, queue_for, route
from kernelgym.serving.telemetry.durations import BOUNDS_S

AT_ONCE: Final = 1000
"""Ids in one command."""


class RedisLedger:
    """A `Ledger` and its `Upkeep` in Redis 6.2 or newer; safe from several threads, and after a fork.

    A store that is full refuses new jobs, but still gives what it knows, and takes answers to what runs: that frees
    memory. Times it tells (`waited_s`, `total_s`, `oldest_s`) are differences of the Redis server's clock and decide
    nothing.

    Args:
        url: `redis://[:password@]host:port/database`; `rediss://` with TLS; `unix://` for a socket.
        prefix: What the names of all keys begin with.
        engine: What `overview` calls this engine.
        bounds: How much is kept.

    Raises:
        ValueError: The URL can't be parsed.
    """

    def __init__(
        self, url: str, *, prefix: str = "kernelgym", engine: str = "celery", bounds: Bounds | None = None
    ) -> None:
        self._store = RedisStore(url, prefix)
        self._engine = engine
        self._bounds = bounds or Bounds()
        self._news = News(self._store)
        self._process = os.getpid()

    @property
    def address(self) -> str:
        """Where the ledger is, without a password."""
        return self._store.address

    def submit(self, order: Order, waiter: str) -> tuple[JobView, bool]:
        """See `Ledger.submit`."""
        id = job_id(order.task)
        stations = route(order.task)
        fields: dict[str, str | bytes] = {
            "station": stations[0],
            "queue": queue_for(order.task, stations[0]),
            "task": records.record_of(order.task),
            "request_id": order.request_id,
            "problem": order.task.reference.id,
            "kind": order.task.kind,
        }
        fields |= {f"queue.{station}": queue_for(order.task, station) for station in stations}
        pairs = [word for pair in fields.items() for word in pair]
        while True:
            step = _step()
            head = (id, waiter, order.deadline_s, order.priority, step, self._bounds.max_open)
            match self._store.run("submit", *head, *pairs):
                case [b"done", bytes(record), attempts, request_id]:
                    answer = records.answer_of(record)
                    if answer is None:
                        self._drop(id, "ended", "record", record)
                        continue
                    view = _ended_view(id, JobState.DONE, attempts, request_id, answer)
                    return view.model_copy(update={"cached": True}), False
                case [b"busy", open_jobs]:
                    raise TooBusy(int(open_jobs), self._bounds.max_open)
                case [_, state, station, attempts, request_id, send]:
                    return _open_view(id, state, station, attempts, request_id), bool(send)

    def claim(self, id: str, station: Station, worker: str) -> Claim | None:
        """See `Ledger.claim`."""
        token = _step()
        bounds = self._bounds
        quarantine = records.record_of(records.quarantine(station))
        limits = (bounds.refusal_ttl_s, bounds.max_answers, bounds.max_verdicts)
        row = self._store.run("claim", id, station, worker, token, MAX_ATTEMPTS, quarantine, *limits)
        if row is None or row[0] == b"quarantined":
            return None
        record, attempt, request_id, waited, timings, priority = row
        task = _task_of(record)
        if task is None:
            self._drop(id, "job", "task", record)
            return None
        return Claim(
            id=id,
            token=token,
            task=task,
            station=station,
            attempt=int(attempt),
            request_id=_text(request_id),
            priority=Priority(_text(priority)),
            waited_s=float(waited),
            timings_s=records.timings_of(_text(timings)),
        )

    def bundle(self, id: str) -> bytes | None:
        """See `Ledger.bundle`."""
        with self._store.talking():
            record = self._store.client.get(self._store.key(f"bundle:{id}"))
        return None if record is None else records.unpack(record)

    def note(self, id: str, token: str, stage: str) -> bool:
        """See `Ledger.note`."""
        return bool(self._store.run("note", id, token, stage))

    def advance(self, id: str, token: str, station: Station, bundle: bytes, timings_s: Mapping[str, float]) -> bool:
        """See `Ledger.advance`."""
        record, timings = records.pack(bundle), records.timings_text(timings_s)
        done = int(self._store.run("advance", id, token, station, record, timings, _step()))
        if done < 0:
            raise ValueError(f"the job {id} never passes the station {station}")
        return bool(done)

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: Mapping[str, float]) -> bool:
        """See `Ledger.settle`."""
        bounds, line, kept = self._bounds, records.line_of(answer), records.is_answer(answer)
        return bool(
            self._store.run(
                "settle",
                id,
                token or "",
                records.record_of(answer),
                0 if kept else 1,
                bounds.answer_ttl_s if kept else bounds.refusal_ttl_s,
                bounds.max_answers,
                line.outcome,
                "" if line.speedup is None else repr(line.speedup),
                records.timings_text(timings_s),
                _step(),
                bounds.max_verdicts,
                json.dumps(BOUNDS_S),
                *(word for pair in records.stages_of(answer).items() for word in pair),
            )
        )

    def release(self, id: str, token: str, *, lost: bool) -> bool:
        """See `Ledger.release`."""
        return bool(self._store.run("release", id, token, int(lost), _step()))

    def cancel(self, id: str, waiter: str) -> bool:
        """See `Ledger.cancel`."""
        bounds = self._bounds
        return bool(self._store.run("cancel", id, waiter, _step(), bounds.refusal_ttl_s, bounds.max_answers))

    def view(self, ids: Sequence[str]) -> list[JobView | None]:
        """See `Ledger.view`."""
        return [self._view(id, row) for id, row in zip(ids, self._store.run_on("view", ids), strict=True)]

    def wait(self, ids: Sequence[str], timeout_s: float) -> set[str]:
        """See `Ledger.wait`."""
        if not ids:
            return set()
        if self._process != os.getpid():  # threads do not survive a fork
            self._process, self._news = os.getpid(), News(self._store)
        until = time.monotonic() + timeout_s
        with self._news.listening(ids) as mailbox:
            while True:
                doubtful, at = self._news.doubtful(ids), time.monotonic()
                if ended := self._not_open(doubtful):
                    return ended
                self._news.seen_open(doubtful, mailbox, at)
                left = until - time.monotonic()
                if left <= 0:
                    return set()
                if told := mailbox.wait(min(left, FRESH_S)):
                    return told

    def beat(self, worker: WorkerView) -> None:
        """See `Ledger.beat`."""
        self._store.run("beat", worker.id, worker.model_dump_json(), int(SERVED_S), *worker.queues)

    def served(self, queue: str) -> bool:
        """See `Ledger.served`."""
        with self._store.talking():
            return bool(self._store.client.exists(self._store.key(f"served:{queue}")))

    def leave(self, worker: str) -> None:
        """See `Ledger.leave`."""
        self.forget_worker(worker)

    def once(self, key: str, digest: str) -> str:
        """See `Ledger.once`."""
        name = sha256(key.encode(errors="surrogatepass")).hexdigest()
        return _text(self._store.run("once", name, digest, int(self._bounds.once_ttl_s)))

    def overview(self, recent: int = 50) -> Overview:
        """See `Ledger.overview`."""
        counters, views, beats, queues, remembered, lines = self._store.run("overview", max(recent, 1))
        workers = _workers(_pairs(views), _pairs(beats))
        serving = [queue for worker in workers for queue in worker.queues]
        rows = {_text(row[0]): row for row in queues}
        return Overview(
            engine=self._engine,
            versions=judge_versions(),
            queues=tuple(_queue(name, rows.get(name), serving.count(name)) for name in sorted({*rows, *serving})),
            workers=workers,
            counters={_text(name): int(value) for name, value in _pairs(counters).items()},
            remembered=int(remembered),
            recent=tuple(_verdicts(lines))[:recent],
        )

    def verdicts(self, count: int) -> list[Verdict]:
        """See `Ledger.verdicts`."""
        if count < 1:
            return []
        with self._store.talking():
            return _verdicts(self._store.client.lrange(self._store.key("verdicts"), 0, count - 1))

    def close(self) -> None:
        """See `Ledger.close`."""
        self._news.close()
        self._store.close()

    def lead(self, who: str, seconds: float) -> bool:
        """See `Upkeep.lead`."""
        return bool(self._store.run("lead", who, max(1, int(seconds * 1000))))

    def open_jobs(self) -> list[OpenJob]:
        """See `Upkeep.open_jobs`; jobs that can't be read are forgotten."""
        with self._store.talking():
            ids = [_text(id) for id in self._store.client.smembers(self._store.key("open"))]
        jobs = []
        for id, row in zip(ids, self._store.run_on("open_jobs", ids), strict=True):
            job = _open_job(id, row)
            if job is None:
                self._store.run("sweep", id)
            else:
                jobs.append(job)
        return jobs

    def deadlines(self, ids: Sequence[str]) -> dict[str, float]:
        """See `Upkeep.deadlines`."""
        found = zip(ids, self._store.run_on("deadlines", ids), strict=True)
        return {id: float(longest) for id, longest in found if float(longest) > 0}

    def sending(self, id: str) -> int:
        """See `Upkeep.sending`."""
        return int(self._store.run("sending", id))

    def overtaken(self, queue: str, priority: Priority) -> int:
        """See `Upkeep.overtaken`."""
        with self._store.talking():
            return int(self._store.client.hget(self._store.key("claimed"), f"{queue}:{priority}") or 0)

    def beats(self) -> dict[str, int]:
        """See `Upkeep.beats`."""
        with self._store.talking():
            found = self._store.client.hgetall(self._store.key("beats"))
        return {_text(worker): int(beat) for worker, beat in found.items()}

    def forget_worker(self, worker: str) -> None:
        """See `Upkeep.forget_worker`."""
        with self._store.talking(), self._store.client.pipeline() as both:
            both.hdel(self._store.key("workers"), worker)
            both.hdel(self._store.key("beats"), worker)
            both.execute()

    def _not_open(self, ids: Sequence[str]) -> set[str]:
        ended: set[str] = set()
        for first in range(0, len(ids), AT_ONCE):
            some = ids[first : first + AT_ONCE]
            with self._store.talking():
                is_open = self._store.client.smismember(self._store.key("open"), list(some))
            ended |= {id for id, yes in zip(some, is_open, strict=True) if not yes}
        return ended

    def _view(self, id: str, row: list[Any]) -> JobView | None:
        if not row:
            return None
        state, station, attempts, request_id, record = row
        if station:
            return _open_view(id, state, station, attempts, request_id)
        if state == b"cancelled":
            return _ended_view(id, JobState.CANCELLED, attempts, request_id)
        answer = records.answer_of(record)
        if answer is None:
            self._drop(id, "ended", "record", record)
            return None
        return _ended_view(id, JobState.DONE, attempts, request_id, answer)

    def _drop(self, id: str, kind: str, field: str, seen: bytes) -> None:
        self._store.run("drop", id, kind, field, seen)


def _step() -> str:
    """Returns a name for one call: if its reply is lost and it is sent once more, the scripts know it again."""
    return uuid4().hex


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _open_view(id: str, state: bytes, station: bytes, attempts: int, request_id: bytes) -> JobView:
    return JobView(
        id=id,
        state=JobState(_text(state)),
        station=Station(_text(station)),
        attempts=int(attempts),
        request_id=_text(request_id),
    )


def _ended_view(id: str, state: JobState, attempts: bytes, request_id: bytes, answer: Answer | None = None) -> JobView:
    return JobView(id=id, state=state, attempts=int(attempts), request_id=_text(request_id), answer=answer)


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _task_of(record: bytes) -> Task | None:
    content = records.unpack(record)
    try:
        return None if content is None else TASK.validate_json(content)
    except ValidationError:
        return None


def _open_job(id: str, row: bytes) -> OpenJob | None:
    try:
        state, station, queue, priority, request_id, worker, token, sequence, submitted = _text(row).split("\n")
        return OpenJob(
            id=id,
            state=JobState(state),
            station=Station(station),
            queue=queue,
            priority=Priority(priority),
            request_id=request_id,
            worker=worker,
            token=token,
            sequence=int(sequence),
            submitted=submitted,
        )
    except ValueError:
        return None


def _workers(views: Mapping[bytes, bytes], beats: Mapping[bytes, bytes]) -> tuple[WorkerView, ...]:
    workers = []
    for id, view in sorted(views.items()):
        try:
            worker = WorkerView.model_validate_json(view)
        except ValidationError:
            continue  # of another version, or damaged: its next beat replaces it
        workers.append(worker.model_copy(update={"beat": int(beats.get(id, 0))}))
    return tuple(workers)


def _queue(name: str, row: list[Any] | None, workers: int) -> QueueView:
    if row is None:
        return QueueView(name=name, waiting=dict.fromkeys(Priority, 0), running=0, workers=workers)
    _, interactive, batch, running, oldest = row
    return QueueView(
        name=name,
        waiting={Priority.INTERACTIVE: int(interactive), Priority.BATCH: int(batch)},
        running=int(running),
        workers=workers,
        oldest_s=float(oldest) if oldest else None,
    )


def _verdicts(lines: Sequence[bytes]) -> list[Verdict]:
    return [verdict for line in lines if (verdict := records.verdict_of(line)) is not None]
