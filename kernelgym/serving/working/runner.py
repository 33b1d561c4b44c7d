"""What a worker does with a job: claim it, work, and tell the ledger, whatever happens on the way.

Celery's children and the threads of an embedded engine use the same class. It never raises for what a job, an
evaluator or the ledger does: a job that it has taken is answered, sent on, or given back. If even that can't be told,
because the ledger is away for long, it goes on under another name, and the job is taken for lost and done again.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from kernelgym.errors import Stopped, WorkerLost, first_line
from kernelgym.evaluators.messages import (
    Handover,
    Inquiry,
    Inspection,
    Job,
    Refusal,
    Refused,
    Sheltered,
    Task,
)
from kernelgym.serving.dispatch import Dispatch
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.identity import job_id
from kernelgym.serving.jobs import MAX_ATTEMPTS, Answer, Claim, Priority, WorkerView
from kernelgym.serving.ledger.protocol import Ledger
from kernelgym.serving.ledger.records import is_answer
from kernelgym.serving.routing import Station, queue_for, route
from kernelgym.serving.working.command import Command, Commands
from kernelgym.serving.working.observer import Ending, Observer, Silent
from kernelgym.serving.working.patience import persist
from kernelgym.serving.working.pulse import Pulse
from sandboxes.contracts import Stage

CLAIM_PATIENCE_S: Final = 10.0
"""How long a message is held while the ledger is away; after it, the janitor sends another one."""

ANSWER_PATIENCE_S: Final = 600.0
"""How long an answer is kept while the ledger is away."""

HANDOVER_PATIENCE_S: Final = 10.0
"""How long a ledger may refuse what a CPU's next station needs, because it is full, before that is done here instead:
the answer makes room there, and if all workers only waited, nobody would."""

SEND_PATIENCE_S: Final = 10.0
"""How long a broker may take no message that a job goes on: the janitor sends it again when it does."""

HASTE_PATIENCE_S: Final = 3.0
"""Instead of all these, if everything has to be given back now."""

LONGEST_REST_S: Final = 10.0
"""Longest pause of a worker whose machinery fails again and again, so that others get the jobs first."""

Result = TypeVar("Result")


class Evaluating(Protocol):
    """What does the work: `kernelgym.evaluators.staged.StagedEvaluator`, or a double."""

    def trace(self, job: Job) -> Answer | Handover:
        """Does the first half."""
        ...

    def replay(self, job: Job, handover: Handover) -> Answer:
        """Does the second half."""
        ...

    def evaluate(self, job: Job) -> Answer:
        """Does both."""
        ...

    def describe(self, inquiry: Inquiry) -> Answer:
        """Describes a reference."""
        ...

    def inspect(self, inspection: Inspection) -> Answer:
        """Looks a reference through."""
        ...

    def stop(self) -> None:
        """Ends what is under way in another thread, which raises `Stopped`."""
        ...

    def close(self) -> None:
        """Ends its processes."""
        ...


OpenEvaluator = Callable[[Callable[[Stage], None], Callable[[Sheltered], None]], Evaluating]
"""Makes an evaluator that tells when a stage begins, and what candidates run in."""


class JobRunner:
    """Does jobs, one at a time; beats from `start` to `close`.

    A job whose next station this worker serves, too, stays here: no message has to travel, and the reference is loaded.
    The ledger is told of each station all the same, so that whoever takes over begins at the last one.

    Args:
        ledger: Truth about jobs.
        dispatch: Sends a job that goes on, or back.
        open_evaluator: Makes what works.
        worker: Who this is.
        commands: What it is told from above; None: nobody does but `abandon`.
        observer: Told what happens.
        in_one_go: Do all stations of a job here, at the first one: nothing else serves the others.
    """

    def __init__(
        self,
        ledger: Ledger,
        dispatch: Dispatch,
        open_evaluator: OpenEvaluator,
        worker: WorkerView,
        *,
        commands: Commands | None = None,
        observer: Observer | None = None,
        in_one_go: bool = False,
    ) -> None:
        self._ledger = ledger
        self._dispatch = dispatch
        self._commands = commands or Commands()
        self._observer: Observer = observer or Silent()
        self._in_one_go = in_one_go
        self._queues = worker.queues
        self._gpu = worker.gpu
        self._evaluator = open_evaluator(lambda stage: self._pulse.stage(stage), self._sheltered)
        self._pulse = Pulse(ledger, worker, self._commands, self._evaluator.stop)
        self._failures = 0
        self._troubled = False

    @property
    def worker(self) -> str:
        """The name under which it works."""
        return self._pulse.worker

    def start(self) -> None:
        """Begins to beat."""
        self._pulse.start()

    def abandon(self) -> None:
        """Gives back what runs, from another thread; it takes nothing any more."""
        self._commands.give(Command.ABANDON)

    def close(self) -> None:
        """Ends the evaluator and takes leave; calling it again does nothing."""
        self._evaluator.close()
        self._pulse.close()

    def work(self, id: str, station: Station) -> bool:
        """Does a job at a station, if it is there to be done; returns when it is answered, sent on or given back.

        Returns:
            False if it takes nothing any more: the message is for somebody else.
        """
        if self._commands.current is not Command.GO_ON:
            return False
        following: Station | None = station
        while following is not None:
            claim = self._claim(id, following)
            following = None if claim is None else self._do(claim)
        return True

    def _do(self, claim: Claim) -> Station | None:
        """Works on a job at one station; returns the next one if that is here, too."""
        worker = self._pulse.worker
        self._observer.began(claim, worker)
        self._pulse.busy(claim)
        timings_s: dict[str, float] = {}
        ending, answer = Ending.GIVEN_UP, None
        try:
            answer = self._attempt(claim, timings_s)
            try:
                ending = self._tell(claim, answer, timings_s)
            except LedgerUnavailable:
                if not isinstance(answer, Handover) or _following(claim.task) is Station.MEASURE:
                    raise
                answer = self._attempt(claim, timings_s, answer)
                ending = self._tell(claim, answer, timings_s)
        except LedgerUnavailable as error:
            self._observer.trouble(worker, f"gave up after {self._patience_s():g} s: {error}", claim)
        finally:
            self._pulse.idle(finished=ending in {Ending.ADVANCED, Ending.KEPT, Ending.ANSWERED})
            if ending is Ending.GIVEN_UP:
                self._pulse.renew()
        told = None if isinstance(answer, Handover) else answer
        self._observer.ended(claim, worker, ending, told, timings_s)
        self._rest(ending)
        return _following(claim.task) if ending is Ending.KEPT else None

    def _claim(self, id: str, station: Station) -> Claim | None:
        self._troubled = False
        try:
            claim = self._persist(lambda: self._ledger.claim(id, station, self._pulse.worker), None, CLAIM_PATIENCE_S)
        except LedgerUnavailable:
            claim = None
        if claim is None and self._troubled:
            self._pulse.renew()  # perhaps it was given to us, and only the reply was lost
        return claim

    def _attempt(
        self, claim: Claim, timings_s: dict[str, float], handover: Handover | None = None
    ) -> Answer | Handover | None:
        """Returns what the station's work comes to; None if it was stopped. Adds its wall time.

        With a handover, which the ledger does not take, it is the work of the next station.
        """
        began_s = time.monotonic()
        try:
            return self._evaluate(claim) if handover is None else self._replay(claim, handover)
        except Stopped:
            return None
        except WorkerLost as error:
            return Refused(why=Refusal.INFRASTRUCTURE, message=str(error))
        except LedgerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 # the boundary that records: no bug of ours leaves a job without an end
            return Refused(why=Refusal.INFRASTRUCTURE, message=f"a worker failed: {first_line(error)}")
        finally:
            station = claim.station if handover is None else _following(claim.task)
            timings_s[str(station)] = round(time.monotonic() - began_s, 6)

    def _evaluate(self, claim: Claim) -> Answer | Handover:
        task = claim.task
        match task:
            case Inquiry():
                return self._evaluator.describe(task)
            case Inspection():
                return self._evaluator.inspect(task)
        if claim.station is Station.TRACE:
            return self._evaluator.evaluate(task) if self._in_one_go else self._evaluator.trace(task)
        self._check_gpu(claim)
        bundle = self._persist(lambda: self._ledger.bundle(claim.id), claim, ANSWER_PATIENCE_S)
        if bundle is None:
            raise WorkerLost("what the station before left is gone")
        return self._replay(claim, Handover(bundle=bundle, timings_s=claim.timings_s))

    def _check_gpu(self, claim: Claim) -> None:
        """Checks that a job was ordered for this worker's GPU and driver, or for any: they are part of the question.

        Raises:
            WorkerLost: It was for another one: whoever has that may still take it.
        """
        if claim.station is not Station.MEASURE or not self._gpu:
            return
        if claim.id not in {job_id(claim.task, self._gpu), job_id(claim.task)}:
            raise WorkerLost(
                f"this was ordered when another GPU or driver served the queue, and this worker has {self._gpu}: order "
                "it again, and let one kind only serve a target (`kernelgym status` names them)"
            )

    def _replay(self, claim: Claim, handover: Handover) -> Answer:
        assert isinstance(claim.task, Job), "others have one station"
        return self._evaluator.replay(claim.task, handover)

    def _tell(self, claim: Claim, found: Answer | Handover | None, timings_s: Mapping[str, float]) -> Ending:
        """Notes in the ledger what came of it.

        Raises:
            LedgerUnavailable: It was away for too long.
        """
        if found is None:
            return self._release(claim, lost=False)
        if isinstance(found, Handover):
            following = _following(claim.task)
            patience_s = ANSWER_PATIENCE_S if following is Station.MEASURE else HANDOVER_PATIENCE_S
            priority = self._persist(
                lambda: self._ledger.advance(claim.id, claim.token, following, found.bundle, timings_s),
                claim,
                patience_s,
            )
            if priority is None:
                return Ending.DISCARDED
            if queue_for(claim.task, following) in self._queues and self._commands.current is Command.GO_ON:
                return Ending.KEPT
            self._send(claim, following, priority)
            return Ending.ADVANCED
        if not is_answer(found):
            message = found.message if isinstance(found, Refused) else found.kind
            self._observer.trouble(self._pulse.worker, message, claim)
            if self._commands.current is Command.ABANDON:
                return self._release(claim, lost=False)
            if claim.attempt < MAX_ATTEMPTS:
                return self._release(claim, lost=True)
        settled = self._insist(lambda: self._ledger.settle(claim.id, claim.token, found, timings_s), claim)
        return Ending.ANSWERED if settled else Ending.DISCARDED

    def _release(self, claim: Claim, *, lost: bool) -> Ending:
        priority = self._insist(lambda: self._ledger.release(claim.id, claim.token, lost=lost), claim)
        if priority is not None:
            self._send(claim, claim.station, priority)
        return Ending.LOST if lost else Ending.GIVEN_BACK

    def _send(self, claim: Claim, station: Station, priority: Priority) -> None:
        queue = queue_for(claim.task, station)
        try:
            self._persist(lambda: self._dispatch(queue, claim.id, priority, claim.request_id), claim, SEND_PATIENCE_S)
        except LedgerUnavailable as error:  # the ledger has noted it: the janitor sends it
            self._observer.trouble(self._pulse.worker, f"could not send a job on: {error}", claim)

    def _insist(self, ask: Callable[[], Result], claim: Claim) -> Result:
        return self._persist(ask, claim, ANSWER_PATIENCE_S)

    def _persist(self, ask: Callable[[], Result], claim: Claim | None, patience_s: float) -> Result:
        def trouble(error: LedgerUnavailable) -> None:
            self._troubled = True
            self._observer.trouble(self._pulse.worker, str(error), claim)

        return persist(ask, lambda: min(patience_s, self._patience_s()), trouble)

    def _patience_s(self) -> float:
        return HASTE_PATIENCE_S if self._commands.current is Command.ABANDON else ANSWER_PATIENCE_S

    def _rest(self, ending: Ending) -> None:
        """Pauses after failures of our own, longer each time, until it is told to end."""
        self._failures = self._failures + 1 if ending is Ending.LOST else 0
        if not self._failures:
            return
        until_s = time.monotonic() + min(LONGEST_REST_S, 0.25 * 2**self._failures)
        while time.monotonic() < until_s and self._commands.current is Command.GO_ON:
            time.sleep(0.05)

    def _sheltered(self, sheltered: Sheltered) -> None:
        gaps = f" (gaps: {'; '.join(sheltered.gaps)})" if sheltered.gaps else ""
        self._pulse.sheltered(f"{sheltered.sandbox}{gaps}")


def _following(task: Task) -> Station:
    """Returns the second station of a task that has two."""
    return route(task)[1]
