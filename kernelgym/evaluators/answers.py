"""What an answer means to the one who asked: a report, a description, or an error."""

from typing import Final

from kernelgym.errors import BadUsage, EvaluatorBroken, InvalidReference
from kernelgym.evaluators.messages import (
    Described,
    Finished,
    Inquiry,
    Inspected,
    Inspection,
    Job,
    Refusal,
    Refused,
    Task,
)
from sandboxes.contracts import Description, Diagnostic, Outcome, Report, Stage, Weakness, clip

Answer = Finished | Described | Inspected | Refused

REMEDY: Final = "This is not the candidate's fault and earns no reward."


def lost(message: str) -> Refused:
    """Returns the answer of nobody: ours is the fault."""
    return Refused(why=Refusal.INFRASTRUCTURE, message=message)


def fits(answer: Answer, task: Task) -> bool:
    """Returns whether this can be an answer to `task` at all; another one is a fault of whoever gave it."""
    match answer, task:
        case Refused(), _:
            return True
        case Finished(report=report), Job():
            theirs = (report.submission, report.problem, report.config)
            return theirs == (task.submission.digest, task.reference.id, task.config)
        case Described(description=description), Inquiry():
            return description.reference.id == task.reference.id
        case Inspected(), Inspection():
            return True
    return False


def read_report(answer: Answer, job: Job, remedy: str = REMEDY) -> Report:
    """Returns the report that an answer is; one with the outcome `infrastructure`, and `remedy`, if it is no verdict.

    Raises:
        InvalidReference: The reference can't be run.
        BadUsage: The configuration names something unknown.
    """
    match answer:
        case Finished():
            return answer.report
        case Refused(why=Refusal.REFERENCE):
            raise InvalidReference.of(job.reference.id, answer.message)
        case Refused(why=Refusal.CONFIG):
            raise BadUsage(answer.message)
    message = answer.message if isinstance(answer, Refused) else f"a job was answered with `{answer.kind}`"
    return Report(
        outcome=Outcome.INFRASTRUCTURE,
        submission=job.submission.digest,
        problem=job.reference.id,
        config=job.config,
        diagnostics=(Diagnostic(stage=Stage.TRACE, message=clip(message), hint=remedy),),
    )


def read_description(answer: Answer, problem_id: str) -> Description:
    """Returns what an answer says of a problem's cases.

    Raises:
        InvalidReference: The reference can't be used.
        EvaluatorBroken: Nobody could say.
    """
    if isinstance(answer, Described):
        return answer.description
    raise _unanswered(answer, problem_id, "described")


def read_weaknesses(answer: Answer, problem_id: str) -> tuple[Weakness, ...]:
    """Returns what an answer says is weak about a problem.

    Raises:
        InvalidReference, EvaluatorBroken: As `read_description`.
    """
    if isinstance(answer, Inspected):
        return answer.weaknesses
    raise _unanswered(answer, problem_id, "inspected")


def _unanswered(answer: Answer, problem_id: str, what: str) -> InvalidReference | EvaluatorBroken:
    message = answer.message if isinstance(answer, Refused) else f"it was answered with `{answer.kind}`"
    if isinstance(answer, Refused) and answer.why is Refusal.REFERENCE:
        return InvalidReference.of(problem_id, message)
    return EvaluatorBroken(f"{problem_id} can't be {what}: {message}")
