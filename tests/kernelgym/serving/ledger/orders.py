"""Orders and answers that ledgers are tested with; nothing is evaluated."""

from kernelgym.evaluators.messages import Finished, Inquiry, Inspected, Job, Refusal, Refused
from kernelgym.serving.jobs import Order, Priority
from sandboxes.contracts import Diagnostic, EvalConfig, Outcome, Reference, Report, Stage, Submission

REFERENCE = Reference(id="core/softmax", source="class Model: ...")


def order(
    number: int = 0, *, priority: Priority = Priority.BATCH, deadline_s: float = 900.0, request_id: str = "request"
) -> Order:
    """Returns an order for candidate `number`; equal numbers are equal tasks."""
    job = Job(submission=Submission(source=f"x = {number}"), reference=REFERENCE, config=EvalConfig())
    return Order(task=job, priority=priority, deadline_s=deadline_s, request_id=request_id)


def inquiry() -> Order:
    """Returns an order that passes one station only."""
    return Order(task=Inquiry(reference=REFERENCE), request_id="inquiry")


def finished(detail: str = "", outcome: Outcome = Outcome.INCORRECT) -> Finished:
    """Returns an answer that is a verdict."""
    report = Report(
        outcome=outcome,
        submission="",
        problem=REFERENCE.id,
        config=EvalConfig(),
        diagnostics=(Diagnostic(stage=Stage.TRACE, message="it ends here"),),
        versions={"detail": detail},
    )
    return Finished(report=report)


def refused(why: Refusal = Refusal.INFRASTRUCTURE) -> Refused:
    """Returns an answer that is none to somebody new."""
    return Refused(why=why, message="the disk is full")


EMPTY = Inspected(weaknesses=())
