"""The ledger for several processes and machines, in Redis: every step is one script, so that none is half done."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

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
    Verdict,
    WorkerView,
)
from kernelgym.serving.ledger import records
from kernelgym.serving.ledger import redis_rows as rows
from kernelgym.serving.ledger.bounds import Bounds
from kernelgym.serving.ledger.protocol import SERVED_S
from kernelgym.serving.ledger.redis_news import FRESH_S, News
from kernelgym.serving.ledger.redis_steps import Steps, new_step
from kernelgym.serving.ledger.redis_store import RedisStore
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.routing import Station, queue_for, route
from kernelgym.serving.telemetry.durations import BOUNDS_S

AT_ONCE: Final = 1000
"""Ids in one command."""

SUBMITTED_AT_ONCE: Final = 64
"""Orders in one script: a few milliseconds in which nobody else is served."""


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
        self._steps = Steps()
        self._process = os.getpid()

    @property
    def address(self) -> str:
        """Where the ledger is, without a password."""
        return self._store.address

    def submit(self, order: Order, waiter: str) -> tuple[JobView, bool]:
        """See `Ledger.submit`."""
        return self.submit_many((order,), waiter)[0]

    def submit_many(self, orders: Sequence[Order], waiter: str) -> list[tuple[JobView, bool]]:
        """See `Ledger.submit_many`; what is too much for one script has its places kept by another one before."""
        asked = [(job_id(order.task, order.gpu), order) for order in orders]
        admitted = len(asked) > SUBMITTED_AT_ONCE
        if admitted:
            self._busy(self._store.run("admit", self._bounds.max_open, *(id for id, _ in asked)))
        taken: list[tuple[JobView, bool]] = []
        for first in range(0, len(asked), SUBMITTED_AT_ONCE):
            taken += self._take(asked[first : first + SUBMITTED_AT_ONCE], waiter, admitted=admitted)
        return taken

    def claim(self, id: str, station: Station, worker: str) -> Claim | None:
        """See `Ledger.claim`."""
        bounds = self._bounds
        quarantine = records.record_of(records.quarantine(station))
        limits = (bounds.refusal_ttl_s, bounds.max_answers, bounds.max_verdicts)

        def take(token: str) -> tuple[str, Any]:
            return token, self._store.run("claim", id, station, worker, token, MAX_ATTEMPTS, quarantine, *limits)

        token, row = self._steps.run("claim", f"{id} {station} {worker}", take)
        if row is None or row[0] == b"quarantined":
            return None
        record, attempt, request_id, waited, timings, priority = row
        task = rows.task_of(record)
        if task is None:
            self._drop(id, "job", "task", record)
            return None
        return Claim(
            id=id,
            token=token,
            task=task,
            station=station,
            attempt=int(attempt),
            request_id=rows.text(request_id),
            priority=Priority(rows.text(priority)),
            waited_s=float(waited),
            timings_s=records.timings_of(rows.text(timings)),
        )

    def bundle(self, id: str) -> bytes | None:
        """See `Ledger.bundle`."""
        with self._store.talking():
            record = self._store.client.get(self._store.key(f"bundle:{id}"))
        return None if record is None else records.unpack(record)

    def note(self, id: str, token: str, stage: str) -> bool:
        """See `Ledger.note`."""
        return bool(self._store.run("note", id, token, stage))

    def advance(
        self, id: str, token: str, station: Station, bundle: bytes, timings_s: Mapping[str, float]
    ) -> Priority | None:
        """See `Ledger.advance`."""
        record, timings = records.pack(bundle), records.timings_text(timings_s)
        done = self._steps.run(
            "advance", token, lambda step: self._store.run("advance", id, token, station, record, timings, step)
        )
        if done == -1:
            raise ValueError(f"the job {id} never passes the station {station}")
        return _priority(done)

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: Mapping[str, float]) -> bool:
        """See `Ledger.settle`."""
        bounds, line, kept = self._bounds, records.line_of(answer), records.is_answer(answer)
        before = (
            id,
            token or "",
            records.record_of(answer),
            0 if kept else 1,
            bounds.answer_ttl_s if kept else bounds.refusal_ttl_s,
            bounds.max_answers,
            line.outcome,
            "" if line.speedup is None else repr(line.speedup),
            records.timings_text(timings_s),
        )
        stages = (word for pair in records.stages_of(answer).items() for word in pair)
        after = (bounds.max_verdicts, json.dumps(BOUNDS_S), *stages)
        return bool(
            self._steps.run("settle", token or id, lambda step: self._store.run("settle", *before, step, *after))
        )

    def release(self, id: str, token: str, *, lost: bool) -> Priority | None:
        """See `Ledger.release`."""
        return _priority(
            self._steps.run("release", token, lambda step: self._store.run("release", id, token, int(lost), step))
        )

    def cancel(self, id: str, waiter: str) -> bool:
        """See `Ledger.cancel`."""
        bounds = self._bounds
        return bool(self._store.run("cancel", id, waiter, new_step(), bounds.refusal_ttl_s, bounds.max_answers))

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
        return rows.text(self._store.run("once", name, digest, int(self._bounds.once_ttl_s)))

    def overview(self, recent: int = 50) -> Overview:
        """See `Ledger.overview`."""
        counters, views, beats, queues, remembered, lines = self._store.run("overview", max(recent, 1))
        workers = rows.worker_views(rows.pairs(views), rows.pairs(beats))
        serving = [queue for worker in workers for queue in worker.queues]
        found = {rows.text(row[0]): row for row in queues}
        return Overview(
            engine=self._engine,
            versions=judge_versions(),
            queues=tuple(
                rows.queue_view(name, found.get(name), serving.count(name)) for name in sorted({*found, *serving})
            ),
            workers=workers,
            counters={rows.text(name): int(value) for name, value in rows.pairs(counters).items()},
            remembered=int(remembered),
            recent=tuple(rows.verdict_lines(lines))[:recent],
        )

    def verdicts(self, count: int) -> list[Verdict]:
        """See `Ledger.verdicts`."""
        if count < 1:
            return []
        with self._store.talking():
            return rows.verdict_lines(self._store.client.lrange(self._store.key("verdicts"), 0, count - 1))

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
            ids = [rows.text(id) for id in self._store.client.smembers(self._store.key("open"))]
        jobs = []
        for id, row in zip(ids, self._store.run_on("open_jobs", ids), strict=True):
            job = rows.open_job(id, row)
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
        return self.sending_many((id,))[0]

    def sending_many(self, ids: Sequence[str]) -> list[int]:
        """See `Upkeep.sending_many`."""
        return [int(number) for number in self._store.run_on("sending", ids)]

    def overtaken(self, queue: str, priority: Priority) -> int:
        """See `Upkeep.overtaken`."""
        with self._store.talking():
            return int(self._store.client.hget(self._store.key("claimed"), f"{queue}:{priority}") or 0)

    def beats(self) -> dict[str, int]:
        """See `Upkeep.beats`."""
        with self._store.talking():
            found = self._store.client.hgetall(self._store.key("beats"))
        return {rows.text(worker): int(beat) for worker, beat in found.items()}

    def forget_worker(self, worker: str) -> None:
        """See `Upkeep.forget_worker`."""
        with self._store.talking(), self._store.client.pipeline() as both:
            both.hdel(self._store.key("workers"), worker)
            both.hdel(self._store.key("beats"), worker)
            both.execute()

    def _take(self, asked: Sequence[tuple[str, Order]], waiter: str, *, admitted: bool) -> list[tuple[JobView, bool]]:
        words = [word for id, order in asked for word in _words(id, order)]
        reply = self._store.run("submit", waiter, new_step(), 0 if admitted else self._bounds.max_open, *words)
        self._busy(reply)
        taken: list[tuple[JobView, bool]] = []
        for (id, order), row in zip(asked, reply, strict=True):
            match row:
                case [b"done", bytes(record), attempts, request_id]:
                    answer = records.answer_of(record)
                    if answer is None:
                        self._drop(id, "ended", "record", record)
                        # a single one may still be too many; one of several that were taken may not
                        taken += self._take([(id, order)], waiter, admitted=admitted or len(asked) > 1)
                        continue
                    view = rows.ended_view(id, JobState.DONE, attempts, request_id, answer)
                    taken.append((view.model_copy(update={"cached": True}), False))
                case [_, state, station, attempts, request_id, send]:
                    taken.append((rows.open_view(id, state, station, attempts, request_id), bool(send)))
        return taken

    def _busy(self, reply: Any) -> None:
        match reply:
            case [b"busy", open_jobs, new]:
                raise TooBusy(int(open_jobs), self._bounds.max_open, wanted=int(new))

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
            return rows.open_view(id, state, station, attempts, request_id)
        if state == b"cancelled":
            return rows.ended_view(id, JobState.CANCELLED, attempts, request_id)
        answer = records.answer_of(record)
        if answer is None:
            self._drop(id, "ended", "record", record)
            return None
        return rows.ended_view(id, JobState.DONE, attempts, request_id, answer)

    def _drop(self, id: str, kind: str, field: str, seen: bytes) -> None:
        self._store.run("drop", id, kind, field, seen)


def _words(id: str, order: Order) -> list[str | bytes | float]:
    """Returns what the script needs to know of an order."""
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
    return [id, order.deadline_s, order.priority, len(pairs), *pairs]


def _priority(reply: bytes | None) -> Priority | None:
    return None if reply is None else Priority(rows.text(reply))
