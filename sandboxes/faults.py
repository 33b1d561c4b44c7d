"""How a candidate fails in the trusted stages: one exception inside the pipeline, one diagnostic in the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from sandboxes.compilation import CompileFailure
from sandboxes.contracts import CaseResult, Diagnostic, Finding, Outcome, Stage, Submission, clip
from sandboxes.errors import SandboxesError
from sandboxes.hints import HINTS, hint
from sandboxes.machine import machine_failure
from sandboxes.operators import OperatorNotAllowed
from sandboxes.replay import MalformedTrace, OutOfTime, ValueOutOfRange
from sandboxes.ttir import (
    DeviceAssertion,
    ExecutionTimeout,
    InvalidAddress,
    MadeUpPointer,
    MemoryFault,
    MisalignedDescriptor,
    Race,
    TTIRError,
    UnsupportedOperation,
    UnwrittenMemory,
)


class Fault(Exception):
    """Ends an evaluation with a verdict that is not `ok`.

    Args:
        outcome: The verdict.
        diagnostic: What to tell the author.
        findings: Of the gate, if it is a hack.
        cases: What has been compared, if outputs were.
    """

    def __init__(
        self,
        outcome: Outcome,
        diagnostic: Diagnostic,
        findings: Sequence[Finding] = (),
        cases: Sequence[CaseResult] = (),
    ) -> None:
        super().__init__(diagnostic.message)
        self.outcome = outcome
        self.diagnostic = diagnostic
        self.findings = tuple(findings)
        self.cases = tuple(cases)


OUTCOMES: dict[type[Exception], Outcome] = {
    Race: Outcome.MEMORY_ERROR,
    UnwrittenMemory: Outcome.MEMORY_ERROR,
    MisalignedDescriptor: Outcome.MEMORY_ERROR,
    MemoryFault: Outcome.MEMORY_ERROR,
    InvalidAddress: Outcome.MEMORY_ERROR,
    MadeUpPointer: Outcome.UNSUPPORTED,
    UnsupportedOperation: Outcome.UNSUPPORTED,
    ExecutionTimeout: Outcome.TIMEOUT,
    OutOfTime: Outcome.TIMEOUT,
    DeviceAssertion: Outcome.INCORRECT,
    OperatorNotAllowed: Outcome.UNTRACEABLE,
    ValueOutOfRange: Outcome.UNSUPPORTED,
}
"""What an exception of the trusted stages means, special ones first; anything else is a malformed trace."""


@contextmanager
def faults(stage: Stage, submission: Submission, case: str | None = None) -> Iterator[None]:
    """Inside it what a candidate's trace does wrong becomes a `Fault`.

    So does what our own code does wrong on it (`unsupported`): the trace is the candidate's, and a program that makes
    the executor stumble must not get away without a verdict. What this machine lacks, such as space on its disk, is
    `MachineFailed` and no verdict.

    Args:
        stage: Where we are.
        submission: For excerpts of its source.
        case: Name of the case under way.
    """
    try:
        yield
    except (Fault, SandboxesError):
        raise
    except CompileFailure as failure:
        raise fault(failure.outcome, stage, submission, failure.message, failure.line, failure.hint, case) from failure
    except (TTIRError, OperatorNotAllowed, MalformedTrace, OutOfTime) as error:
        kind = next((kind for kind in OUTCOMES if isinstance(error, kind)), None)
        outcome = OUTCOMES[kind] if kind else Outcome.TRACE_ERROR
        line = _line(error)
        raise fault(outcome, stage, submission, str(error), line, hint(error, submission.line(line)), case) from error
    except Exception as error:
        if stage is Stage.TRACE:
            raise
        if (ours := machine_failure(error)) is not None:
            raise ours from error
        text = f"this device fails on the program: {type(error).__name__}: {error}"
        raise fault(
            Outcome.UNSUPPORTED, stage, submission, text, hint=HINTS[UnsupportedOperation], case=case
        ) from error


def fault(
    outcome: Outcome,
    stage: Stage,
    submission: Submission,
    message: str,
    line: int | None = None,
    hint: str | None = None,
    case: str | None = None,
) -> Fault:
    """Returns a fault with the excerpt filled in."""
    return Fault(
        outcome,
        Diagnostic(stage=stage, message=clip(message), line=line, excerpt=submission.line(line), hint=hint, case=case),
    )


def malformed(submission: Submission, message: str) -> NoReturn:
    """Raises the fault of a trace that is not what the tracer would have made."""
    raise fault(Outcome.TRACE_ERROR, Stage.VERIFY, submission, f"the trace is malformed: {message}")


def _line(error: Exception) -> int | None:
    if isinstance(error, OperatorNotAllowed):
        return error.line
    location = getattr(error, "location", None)
    return location.user_line() or None if location is not None else None
