"""What a worker's death means: whose doing it is, and when to try again."""

from typing import Final, overload

from kernelgym.evaluators.answers import REMEDY, Answer
from kernelgym.evaluators.messages import Handover, Job, Refusal, Refused, Replaying, Task, Tracing, Work
from kernelgym.evaluators.process import WorkerDied, WorkerProcess
from sandboxes.contracts import Diagnostic, Outcome, Report, Stage, clip

OUTCOME_OF_DEATH: Final = {
    Stage.VERIFY: Outcome.TRACE_ERROR,
    Stage.COMPILE: Outcome.COMPILE_ERROR,
    Stage.REPLAY: Outcome.TRACE_ERROR,
    Stage.PROFILE: Outcome.TRACE_ERROR,
}
"""Stages in which a worker handles what the candidate made: failing there, every time, is the candidate's doing.

That holds for every way to fail: it ends, it hangs, or it sends what is no message or too long for one.
"""

REMEDY_HERE: Final = f"{REMEDY} `kernelgym doctor` checks this machine."
"""Of an evaluation that failed on the machine of who asked for it."""

MAX_INNOCENT: Final = 2
"""Deaths that can't be the task's doing after which it is given back."""


@overload
def attempt(worker: WorkerProcess, task: Task | Replaying, bundle: bytes = b"") -> Answer: ...


@overload
def attempt(worker: WorkerProcess, task: Tracing, bundle: bytes = b"") -> Answer | Handover: ...


@overload
def attempt(worker: WorkerProcess, task: Work, bundle: bytes = b"") -> Answer | Handover: ...


def attempt(worker: WorkerProcess, task: Work, bundle: bytes = b"") -> Answer | Handover:
    """Has a worker do something, a second time if it dies of it, or its GPU fails.

    A death that can't be the task's doing is no evidence; after the second one there is no third attempt.

    Raises:
        WorkerDied: It died again; without a stage if it was doing something else then.
    """
    first: WorkerDied | None = None
    innocent, repeated = 0, False
    while True:
        try:
            answer = worker.run(task, bundle)
            if worker.spoiled is None or repeated or not _is_lost(answer):
                return answer
            repeated = True
        except WorkerDied as death:
            if death.ours:
                innocent += 1
                if innocent == MAX_INNOCENT:
                    raise
                continue
            if first is not None and death.stage != first.stage:
                raise WorkerDied(None, death.detail, hung=death.hung) from death
            if death.hung or first is not None:
                raise
            first = death


def attempt_halves(tracing: WorkerProcess, replaying: WorkerProcess, job: Job) -> Answer:
    """Has a worker do the first half of a job and another one the second, which alone uses a GPU.

    So the one with the GPU needs no sandbox: another is there in no time when a kernel has spoiled its GPU. What is too
    long to go from one to the other is done by that one alone.

    Raises:
        WorkerDied: One of them died again.
    """
    found = attempt(tracing, Tracing(job=job))
    if isinstance(found, Refused) and found.why is Refusal.TOO_LONG:
        return attempt(replaying, job)
    return attempt(replaying, Replaying(job=job), found.bundle) if isinstance(found, Handover) else found


def _is_lost(answer: Answer | Handover) -> bool:
    return isinstance(answer, Refused) and answer.why is Refusal.INFRASTRUCTURE


def blamed(job: Job, death: WorkerDied) -> Report:
    """Returns the report of a job that ended its worker."""
    stage = death.stage or Stage.TRACE
    outcome = OUTCOME_OF_DEATH.get(stage, Outcome.INFRASTRUCTURE)
    if death.ours:
        outcome = Outcome.INFRASTRUCTURE
    if death.hung and outcome is not Outcome.INFRASTRUCTURE:
        return _unfinished(job, Outcome.TIMEOUT, stage, f"the {stage} stage did not end: {death.detail}")
    return _unfinished(job, outcome, stage, f"the worker died in the {stage} stage: {death.detail}")


def _unfinished(job: Job, outcome: Outcome, stage: Stage, message: str) -> Report:
    """Returns the report of a job that nobody has finished."""
    hint = REMEDY_HERE if outcome is Outcome.INFRASTRUCTURE else None
    return Report(
        outcome=outcome,
        submission=job.submission.digest,
        problem=job.reference.id,
        config=job.config,
        diagnostics=(Diagnostic(stage=stage, message=clip(message), hint=hint),),
    )
