"""Hostile words of a candidate in a report: shown on a console, in feedback, as JSON."""

from dataclasses import dataclass

from sandboxes.contracts import Diagnostic, EvalConfig, Finding, Outcome, Report, Severity, Stage, Submission, clip
from sandboxes.hints import hint
from sandboxes.ttir import DeviceAssertion, Where
from sandboxes.ttir.ir import Frame, Location
from tests.agreement.choices import Choices
from tests.fuzzing.decisions import decided_by
from tests.fuzzing.showing import show
from tests.fuzzing.target import Target
from tests.fuzzing.texts import changed_text, odd_text

SOURCE = "import torch\n\ndef f(x):\n    tl.device_assert(x < n, 'no')\n    return x\n\nclass ModelNew:\n    pass\n"
FAILED = (
    Outcome.TRACE_ERROR,
    Outcome.MEMORY_ERROR,
    Outcome.TIMEOUT,
    Outcome.INCORRECT,
    Outcome.UNSUPPORTED,
    Outcome.HACK,
)
TOWERS = (
    "-",
    "~",
    "not ",
    "(",
    "[",
    "{",
    "lambda:",
    "x if x else ",
    "f(",
    "x.",
    "x[",
    "*",
    "**",
    "await ",
    "f'{",
    "0x",
    "1_",
    "1" * 50,
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a candidate wrote, and the report on what went wrong in it."""

    submission: Submission
    report: Report

    def __len__(self) -> int:
        return len(self.submission.source) + sum(len(item.message) for item in self.report.diagnostics)


def make(data: bytes) -> Failure:
    """A report in which the candidate chose the words, and the line to blame."""
    choices = decided_by(data)
    submission = Submission(source=_encodable(_source(choices)))
    line = choices.pick((4, 1, 10**6, submission.source.count("\n") + 1))
    said = clip(f"kernel '{_odd(choices)}': {_encodable(changed_text(SOURCE, choices))} {_odd(choices)}")
    case = clip(_odd(choices))
    finding = Finding(rule="no_launch", severity=Severity.REJECT, evidence=said, line=line, case=case)
    diagnostic = Diagnostic(
        stage=choices.pick(tuple(Stage)), message=said, line=line, excerpt=submission.line(line), case=case
    )
    outcome = choices.pick(FAILED)
    report = Report(
        outcome=outcome,
        submission=submission.digest,
        problem=f"core/{_odd(choices)}"[:500],
        config=EvalConfig(),
        findings=(finding,) if outcome is Outcome.HACK else (),
        diagnostics=(diagnostic,) * choices.pick((1, 2, 20)),
    )
    return Failure(submission, report)


def read(failure: Failure) -> None:
    """Finds a hint for what went wrong, and shows the report with and without the source."""
    diagnostic = failure.report.diagnostics[0]
    location = Location((Frame("candidate.py", diagnostic.line or 1, 1),))
    hint(DeviceAssertion(diagnostic.message, Where("k", location=location)), diagnostic.excerpt)
    show(failure.report, failure.submission)
    show(failure.report, None)


def _odd(choices: Choices) -> str:
    """Odd text as it can be in a trace, which is UTF-8."""
    return _encodable(odd_text(choices))


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _source(choices: Choices) -> str:
    if choices.chance(50):
        return changed_text(SOURCE, choices)[:200_000]
    inner = choices.pick(TOWERS) * choices.integer(1, 200)
    closing = choices.pick(("", ")" * 80, "]" * 80, "1"))
    return SOURCE.replace("x < n", f"{inner}{choices.pick(('1', 'x', ''))}{closing}")


RENDERING = Target(
    name="rendering",
    about="a candidate's words in reports: hints, console, feedback, JSON",
    make=make,
    read=read,
    seconds=1.0,
    seconds_per_mib=20.0,
)
