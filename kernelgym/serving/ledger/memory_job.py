"""An open job as the ledger in memory keeps it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from uuid import uuid4

from kernelgym.evaluators.messages import Task
from kernelgym.serving.jobs import Claim, JobState, JobView, Order, Priority
from kernelgym.serving.ledger.upkeep import OpenJob
from kernelgym.serving.routing import Station, queue_for, route


@dataclass(slots=True, kw_only=True)
class MemoryJob:
    """How far a job is; whoever changes it holds the ledger's lock. Times are of the monotonic clock."""

    id: str
    task: Task
    priority: Priority
    station: Station
    queue: str
    request_id: str
    waiters: dict[str, float]
    """Until when each waits, seconds since submission."""
    submitted: float = field(default_factory=time.monotonic)
    queued: float = field(default_factory=time.monotonic)
    state: JobState = JobState.QUEUED
    attempts: int = 0
    worker: str = ""
    token: str = ""
    stage: str = ""
    sequence: int = 0
    bundle: bytes | None = None
    timings_s: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, id: str, order: Order, waiter: str) -> "MemoryJob":
        """Returns the job that an order begins."""
        station = route(order.task)[0]
        return cls(
            id=id,
            task=order.task,
            priority=order.priority,
            station=station,
            queue=queue_for(order.task, station),
            request_id=order.request_id,
            waiters={waiter: order.deadline_s},
        )

    @property
    def age_s(self) -> float:
        """Seconds since its submission."""
        return time.monotonic() - self.submitted

    def held(self, token: str) -> bool:
        """Whether it is that of the worker with this token."""
        return self.state is JobState.RUNNING and self.token == token

    def join(self, order: Order, waiter: str) -> bool:
        """Takes one more waiter in; True if that makes it more urgent while it waits."""
        self.waiters[waiter] = max(self.age_s + order.deadline_s, self.waiters.get(waiter, 0.0))
        if order.priority is self.priority or self.priority is Priority.INTERACTIVE:
            return False
        self.priority = order.priority
        if self.state is not JobState.QUEUED:
            return False
        self.sequence = 0
        return True

    def claim(self, worker: str) -> Claim:
        """Gives it to a worker."""
        self.state, self.worker, self.token = JobState.RUNNING, worker, uuid4().hex
        self.attempts += 1
        return Claim(
            id=self.id,
            token=self.token,
            task=self.task,
            station=self.station,
            attempt=self.attempts,
            request_id=self.request_id,
            priority=self.priority,
            waited_s=time.monotonic() - self.queued,
            timings_s=dict(self.timings_s),
        )

    def wait_again(self) -> None:
        """Has it wait for a worker; somebody has to send it."""
        self.state, self.worker, self.token, self.stage = JobState.QUEUED, "", "", ""
        self.queued, self.sequence = time.monotonic(), 0

    def add(self, timings_s: Mapping[str, float]) -> None:
        """Adds what a station has spent; what is no number is left out."""
        for name, seconds in timings_s.items():
            if isfinite(seconds):
                self.timings_s[name] = self.timings_s.get(name, 0.0) + seconds

    def view(self) -> JobView:
        """Returns what those who wait see."""
        return JobView(
            id=self.id, state=self.state, station=self.station, attempts=self.attempts, request_id=self.request_id
        )

    def open_job(self) -> OpenJob:
        """Returns what the janitor sees."""
        return OpenJob(
            id=self.id,
            state=self.state,
            station=self.station,
            queue=self.queue,
            priority=self.priority,
            request_id=self.request_id,
            worker=self.worker,
            token=self.token,
            sequence=self.sequence,
            submitted=repr(self.submitted),
        )
