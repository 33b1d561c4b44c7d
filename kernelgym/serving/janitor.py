"""Finds jobs that nobody works on any more, and sees to it that somebody does.

Workers vanish, messages get lost, and neither says so. What can be seen is that something stands still: a worker's
beat, a job that waits while others pass it. The janitor looks again and again and counts, on a clock of its own, how
long it has stood. That clock only runs while looks follow each other: neither a ledger that was away, nor a janitor
that was halted itself, nor a wall clock that jumps takes a job from a worker that lives.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from kernelgym.evaluators.messages import Refusal, Refused
from kernelgym.serving.dispatch import Dispatch
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.jobs import Answer, JobState, Priority
from kernelgym.serving.ledger.upkeep import Begun, OpenJob, Upkeep

_LOG: Final = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0

LONGEST_STEP: Final = 2.0
"""Pauses that the clock advances by from one look to the next at most, however much later it is."""

LEASE_S: Final = 6.0
"""A worker whose beat stands still for so long, three beats, has lost its job."""

OVERDUE_S: Final = 3.0
"""A job whose message seems lost for so long is sent again."""

LEAD_S: Final = 5.0
"""After which another janitor takes over from one that has gone."""

SHARE_OF_TIME: Final = 0.05
"""Of the janitor's time that it may spend looking: where thousands of jobs are open, it looks less often."""

LONGEST_PAUSE_S: Final = 10.0
"""But not less often than that, whatever a look took: it may have been halted, or Redis was."""


class Keeping(Upkeep, Protocol):
    """What the janitor uses of the ledger."""

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: dict[str, float]) -> bool:
        """As `Ledger.settle`."""
        ...

    def release(self, id: str, token: str, *, lost: bool) -> Priority | None:
        """As `Ledger.release`."""
        ...


class Deed(StrEnum):
    """What the janitor does to a job."""

    RELEASED = "released"
    """Its worker was lost; it was sent to the next one."""
    RESENT = "resent"
    """Its message was lost."""
    EXPIRED = "expired"
    """Nobody waits for it any longer."""


@dataclass
class _Stillness:
    """Since when things have been as they are, by a clock that counts looks."""

    seen: dict[Hashable, tuple[Hashable, float]] = field(default_factory=dict)

    def of(self, what: Hashable, state: Hashable, now_s: float) -> float:
        """Returns for how long `what` has been in `state`."""
        before = self.seen.get(what)
        if before is None or before[0] != state:
            self.seen[what] = (state, now_s)
            return 0.0
        return now_s - before[1]

    def keep(self, known: Iterable[Hashable]) -> None:
        """Forgets everything else."""
        kept = set(known)
        self.seen = {what: since for what, since in self.seen.items() if what in kept}


def pause_after(took_s: float) -> float:
    """Returns how long to wait after a look that took so long."""
    return min(max(LOOK_EVERY_S, took_s / SHARE_OF_TIME), LONGEST_PAUSE_S)


class Janitor:
    """Looks after a ledger; of all that there are, one leads and the others wait.

    Args:
        ledger: Whose jobs.
        dispatch: Sends them again.
        waiting: Number of messages in a queue.
        who: Name of this janitor, another one for each.
        on_deed: Told what it does.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        ledger: Keeping,
        dispatch: Dispatch,
        waiting: Callable[[str], int],
        who: str,
        *,
        on_deed: Callable[[Deed, OpenJob], None] = lambda deed, job: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._dispatch = dispatch
        self._waiting = waiting
        self._who = who
        self._on_deed = on_deed
        self._clock = clock
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._live, name="kernelgym-janitor", daemon=True)
        self._pause_s = LOOK_EVERY_S
        self._last_s: float | None = None
        self._forget()

    def start(self) -> None:
        """Begins to look, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Stops; calling it again does nothing."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=LEAD_S)

    def look(self) -> None:
        """Looks once, and does what has to be done.

        Raises:
            LedgerUnavailable: The ledger or the broker is away; what was seen until now still counts.
        """
        if not self._ledger.lead(self._who, max(LEAD_S, 3 * self._pause_s)):
            self._forget()
            return
        beats = self._ledger.beats()
        jobs = self._ledger.open_jobs()
        self._advance_clock()
        lost = self._lost_workers(beats, jobs)
        self._watch_deadlines(jobs)
        self._watch_running(jobs, lost)
        self._watch_queued(jobs)
        for worker in lost & beats.keys():
            self._ledger.forget_worker(worker)

    def _live(self) -> None:
        while not self._closed.wait(self._pause_s):
            began_s = time.monotonic()
            try:
                self.look()
                self._pause_s = pause_after(time.monotonic() - began_s)
            except LedgerUnavailable:
                self._last_s = None  # the time until the next look does not count
                self._pause_s = LOOK_EVERY_S  # what it took was waiting for nobody
            except Exception:  # noqa: BLE001 # the boundary that records: a bug costs a look, not the service
                _LOG.exception("a look of the janitor failed")

    def _forget(self) -> None:
        self._now_s = 0.0
        self._last_s = None
        self._beats, self._overdue = _Stillness(), _Stillness()
        self._since: dict[Begun, float] = {}
        self._patience_s: dict[Begun, float] = {}

    def _advance_clock(self) -> None:
        now_s = self._clock()
        if self._last_s is not None:
            self._now_s += min(max(0.0, now_s - self._last_s), LONGEST_STEP * self._pause_s)
        self._last_s = now_s

    def _lost_workers(self, beats: dict[str, int], jobs: list[OpenJob]) -> set[str]:
        """Returns the workers whose beat stands still, or that hold jobs and have left."""
        workers = set(beats) | {job.worker for job in jobs if job.state is JobState.RUNNING}
        self._beats.keep(workers)
        return {name for name in workers if self._beats.of(name, beats.get(name), self._now_s) >= LEASE_S}

    def _watch_deadlines(self, jobs: list[OpenJob]) -> None:
        present = {job.begun for job in jobs}
        self._since = {job: since_s for job, since_s in self._since.items() if job in present}
        self._patience_s = {job: patience_s for job, patience_s in self._patience_s.items() if job in present}
        for job_begun in present - self._since.keys():
            self._since[job_begun] = self._now_s
        due = [job for job in jobs if self._age_s(job) >= self._patience_s.get(job.begun, 0.0)]
        if not due:
            return
        patience = self._ledger.deadlines([job.id for job in due])  # somebody more patient may have come
        self._patience_s |= {job.begun: patience[job.id] for job in due if job.id in patience}
        for job in due:
            patience_s = patience.get(job.id)
            if patience_s is None or self._age_s(job) < patience_s:
                continue
            where = "waited for a worker" if job.state is JobState.QUEUED else "was under way"
            message = (
                f"no answer within the {patience_s:g} s that its most patient waiter gave it; it {where} at the "
                f"station {job.station}: ask again with a longer deadline, or start more workers"
            )
            if self._ledger.settle(job.id, None, Refused(why=Refusal.INFRASTRUCTURE, message=message), {}):
                self._on_deed(Deed.EXPIRED, job)

    def _watch_running(self, jobs: list[OpenJob], lost: set[str]) -> None:
        for job in jobs:
            held = job.state is JobState.RUNNING and job.worker in lost
            if held and (priority := self._ledger.release(job.id, job.token, lost=True)):
                self._on_deed(Deed.RELEASED, job)
                self._send(job.model_copy(update={"priority": priority}))

    def _watch_queued(self, jobs: list[OpenJob]) -> None:
        queued = [job for job in jobs if job.state is JobState.QUEUED]
        lengths = {queue: self._waiting(queue) for queue in {job.queue for job in queued}}
        passed = {place: self._ledger.overtaken(*place) for place in {(job.queue, job.priority) for job in queued}}
        suspects = [
            job
            for job in queued
            if job.sequence == 0 or lengths[job.queue] == 0 or job.sequence < passed[job.queue, job.priority]
        ]
        self._overdue.keep(job.id for job in suspects)
        for job in suspects:
            if self._overdue.of(job.id, (job.queue, job.priority, job.sequence), self._now_s) >= OVERDUE_S:
                self._on_deed(Deed.RESENT, job)
                self._send(job)

    def _age_s(self, job: OpenJob) -> float:
        return self._now_s - self._since[job.begun]

    def _send(self, job: OpenJob) -> None:
        self._dispatch(job.queue, job.id, Priority(job.priority), job.request_id)
