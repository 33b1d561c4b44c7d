"""How a candidate fails in the trusted stages: one exception inside the pipeline, one diagnostic in the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from sandboxes.compilation import CompileFailure
from sandboxes.contracts import CaseResult, Diagnostic, Finding, Outcome, Stage, Submission, clip
from sandboxes.errors import SandboxesError
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


HINTS: dict[type[Exception], str] = {
    Race: (
        "Give every element to one program: check how offsets depend on `tl.program_id`, use `tl.atomic_*` where "
        "programs must share an element, and a second launch where one needs what others have stored."
    ),
    UnwrittenMemory: (
        "Have it written first: store the element in an earlier launch, allocate with `torch.zeros`, or mask the load; "
        "`torch.empty` leaves whatever was in the memory before."
    ),
    MisalignedDescriptor: (
        "TMA needs a base and row strides that are multiples of 16 bytes, and a last stride of 1: pad the rows, or "
        "use pointers and masks for this shape."
    ),
    MemoryFault: "Mask the access: the last program reaches past the end when the size is no multiple of the block.",
    InvalidAddress: "Compute addresses from the kernel's own pointers, and keep them multiples of the element's size.",
    MadeUpPointer: "Pass the tensors to the kernel, in a tuple if they are many, not a tensor of their addresses.",
    UnsupportedOperation: "This device can't judge the operation; use plain `tl` operations, or evaluate on a GPU.",
    ExecutionTimeout: "Give each program less work, or look for a loop that does not end.",
    OutOfTime: "Give the program less work, or look for a loop that does not end.",
    DeviceAssertion: "The kernel's own `tl.device_assert` failed.",
    OperatorNotAllowed: "Use operators that are functions of their arguments; random numbers can't be compared.",
    ValueOutOfRange: "Annotate the parameter `tl.int64`, or pass the tensor and load the number in the kernel.",
}

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
    the executor stumble must not get away without a verdict.

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
        raise fault(
            outcome, stage, submission, str(error), _line(error), HINTS.get(kind) if kind else None, case
        ) from error
    except Exception as error:
        if stage is Stage.TRACE:
            raise
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
