"""Stand-ins for what a runner and a janitor work with, quick and obedient."""

from collections.abc import Callable, Mapping
from typing import Any

from kernelgym.errors import Stopped, WorkerLost
from kernelgym.evaluators.messages import Finished, Handover, Inquiry, Inspection, Job, Refusal, Refused
from kernelgym.problems import get_problem
from kernelgym.serving.errors import LedgerUnavailable
from kernelgym.serving.identity import judge_versions
from kernelgym.serving.jobs import Answer, Claim, Order, Priority, WorkerView
from kernelgym.serving.ledger.memory_ledger import MemoryLedger
from kernelgym.serving.routing import Station
from kernelgym.serving.working.observer import Ending
from kernelgym.serving.working.pulse import worker_id
from sandboxes.contracts import Diagnostic, EvalConfig, Outcome, Report, Stage, Submission


def make_job(source: str = "x = 1") -> Job:
    return Job(
        submission=Submission(source=source), reference=get_problem("core/add_relu").reference, config=EvalConfig()
    )


def make_order(job: Job, deadline_s: float = 100.0) -> Order:
    return Order(task=job, priority=Priority.INTERACTIVE, deadline_s=deadline_s, request_id="r1")


def report_on(job: Job, outcome: Outcome = Outcome.INCORRECT) -> Finished:
    return Finished(
        report=Report(
            outcome=outcome,
            submission=job.submission.digest,
            problem=job.reference.id,
            config=job.config,
            diagnostics=(Diagnostic(stage=Stage.REPLAY, message="a verdict"),),
        )
    )


def make_worker(*queues: str) -> WorkerView:
    return WorkerView(id=worker_id("tester"), host="here", pid=1, queues=queues, versions=judge_versions())


class FlakyLedger(MemoryLedger):
    """A ledger that is away for the next `away` calls of the named methods."""

    def __init__(self) -> None:
        super().__init__()
        self.away: dict[str, int] = {}

    def _fail(self, name: str) -> None:
        if self.away.get(name, 0) > 0:
            self.away[name] -= 1
            raise LedgerUnavailable("the ledger is away")

    def claim(self, id: str, station: Station, worker: str) -> Claim | None:
        self._fail("claim")
        claim = super().claim(id, station, worker)
        self._fail("claim's reply")
        return claim

    def settle(self, id: str, token: str | None, answer: Answer, timings_s: Mapping[str, float]) -> bool:
        self._fail("settle")
        return super().settle(id, token, answer, timings_s)

    def advance(
        self, id: str, token: str, station: Station, bundle: bytes, timings_s: Mapping[str, float]
    ) -> Priority | None:
        self._fail("advance")
        return super().advance(id, token, station, bundle, timings_s)

    def open_jobs(self) -> Any:
        self._fail("open_jobs")
        return super().open_jobs()


class Sent(list[tuple[str, str]]):
    """A `Dispatch` that remembers queue and id."""

    def __call__(self, queue: str, id: str, priority: Priority, request_id: str) -> None:
        assert priority is Priority.INTERACTIVE
        assert request_id == "r1"
        self.append((queue.partition("@")[0], id))


class Obedient:
    """An evaluator that does the next thing of a list each time it is called; the last one for ever."""

    def __init__(self, *deeds: Callable[[Job], Answer | Handover]) -> None:
        self.deeds = list(deeds)
        self.calls: list[str] = []
        self.stops = 0
        self.closed = False

    def _next(self, name: str, job: Job) -> Any:
        self.calls.append(name)
        return (self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0])(job)

    def trace(self, job: Job) -> Answer | Handover:
        return self._next("trace", job)  # type: ignore[no-any-return]

    def replay(self, job: Job, handover: Handover) -> Answer:
        assert handover.bundle == b"bundle"
        return self._next("replay", job)  # type: ignore[no-any-return]

    def evaluate(self, job: Job) -> Answer:
        return self._next("evaluate", job)  # type: ignore[no-any-return]

    def describe(self, inquiry: Inquiry) -> Answer:
        raise NotImplementedError

    def inspect(self, inspection: Inspection) -> Answer:
        raise NotImplementedError

    def stop(self) -> None:
        self.stops += 1

    def close(self) -> None:
        self.closed = True


def hand_over(job: Job) -> Handover:
    return Handover(bundle=b"bundle", timings_s={})


def lose(job: Job) -> Answer:
    raise WorkerLost("it was killed")


def stop(job: Job) -> Answer:
    raise Stopped


def refuse(job: Job) -> Answer:
    return Refused(why=Refusal.INFRASTRUCTURE, message="bubblewrap is missing")


def fail(job: Job) -> Answer:
    raise ZeroDivisionError("a bug of ours")


class Heard:
    """An `Observer` that remembers."""

    def __init__(self) -> None:
        self.endings: list[Ending] = []
        self.troubles: list[str] = []

    def began(self, claim: Claim, worker: str) -> None:
        pass

    def ended(
        self, claim: Claim, worker: str, ending: Ending, answer: Answer | None, timings_s: Mapping[str, float]
    ) -> None:
        assert str(claim.station) in timings_s
        self.endings.append(ending)

    def trouble(self, worker: str, message: str, claim: Claim | None) -> None:
        self.troubles.append(message)
