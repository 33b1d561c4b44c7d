"""What happens to jobs, in the logs of who asks, who serves, and who works."""

import logging
from collections.abc import Mapping
from typing import TypedDict

from kernelgym.evaluators.messages import Finished, Refused
from kernelgym.serving.jobs import Answer, Claim, JobState, JobView
from kernelgym.serving.telemetry.logs import log_event
from kernelgym.serving.working.observer import Ending


def log_submitted(request_id: str, view: JobView) -> None:
    """Writes under which id a request's job runs: the one line that links the two, also where another request began it.

    Its `outcome` says whether it is `new`, has `joined` one under way, or was `known` already.
    """
    known = view.cached or view.state is JobState.DONE
    outcome = "known" if known else "new" if view.request_id in ("", request_id) else "joined"
    log_event("submitted", request_id=request_id, job=view.id, outcome=outcome)


def log_answered(view: JobView) -> None:
    """Writes that an answer has come to who asked for it."""
    outcome = _outcome(view.answer) if view.answer is not None else view.state.value
    log_event("answered", request_id=view.request_id, job=view.id, outcome=outcome)


class LogObserver:
    """An `Observer` that writes one line for a job that is taken on, one for its end, and one for trouble."""

    def began(self, claim: Claim, worker: str) -> None:
        """Writes who has the job, and how long it waited."""
        log_event("job_began", **_of(claim, worker), seconds={"waited": claim.waited_s})

    def ended(
        self, claim: Claim, worker: str, ending: Ending, answer: Answer | None, timings_s: Mapping[str, float]
    ) -> None:
        """Writes how the turn ended, the outcome if there is one, and where the time went."""
        stages = answer.report.timings_s if isinstance(answer, Finished) else {}
        seconds = {**stages, **{f"station_{name}": value for name, value in timings_s.items()}}
        log_event(f"job_{ending}", **_of(claim, worker), outcome=_outcome(answer), seconds=seconds)

    def trouble(self, worker: str, message: str, claim: Claim | None) -> None:
        """Writes what went wrong."""
        if claim is None:
            log_event("trouble", logging.WARNING, worker=worker, message=message)
        else:
            log_event("trouble", logging.WARNING, **_of(claim, worker), message=message)


class _Turn(TypedDict):
    request_id: str
    job: str
    worker: str
    station: str
    attempt: int


def _of(claim: Claim, worker: str) -> _Turn:
    return _Turn(
        request_id=claim.request_id, job=claim.id, worker=worker, station=claim.station.value, attempt=claim.attempt
    )


def _outcome(answer: Answer | None) -> str:
    match answer:
        case Finished(report=report):
            return report.outcome.value
        case Refused(why=why):
            return f"refused:{why}"
        case None:
            return ""
        case _:
            return answer.kind
