"""Feedback on a candidate that failed: the one thing to fix first, with its line, and what else was seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kernelgym.envs.facts import BrokenRule, Failure, Fix, Note, SourceLine
from kernelgym.envs.quoting import one_line, quote
from kernelgym.reports.wording import plain
from sandboxes.contracts import CaseResult, Diagnostic, Finding, Report, Severity, Submission, clip

MAX_MESSAGE: Final = 1_200
"""Characters of a message."""

MAX_NOTE: Final = 400
"""Characters of a hint, a further message or one case."""

MAX_LINE: Final = 160
"""Characters of a line of source."""

MAX_LISTED: Final = 4
"""Cases, findings or further messages that are listed."""

PATTERNS: Final = "; "
"""Between two patterns of one failure."""

CONTEXT_LINES: Final = 2
"""Lines of source before and after the one to blame."""

ADVICE: Final = {
    "no_launch": "Compute the result in `@triton.jit` kernels, and launch them in `forward`.",
    "no_live_launch": "Compute the result in a `@triton.jit` kernel, and return the tensor that this kernel stores to.",
    "copy_only_kernels": "Move the arithmetic itself into the kernels: copying what PyTorch computed earns nothing.",
    "output_is_input": "Allocate an output, and have a kernel compute it from the inputs.",
    "output_is_constant": "Have a kernel compute the output from the inputs, on every call.",
    "constant_output": "Have a kernel compute the output from the inputs, on every call.",
    "lower_precision": "Keep factors, weights and tensors in between as wide as the reference has them; `tl.dot` of "
    "float32 uses TF32 by itself, and float32 split into several narrow terms is fine if all terms are multiplied.",
    "no_influence": "Let the output depend on what the kernels compute: do in them what PyTorch's operators do now.",
    "identity_kernels": "Move the arithmetic itself into the kernels: handing on what PyTorch computed earns nothing.",
    "token_kernels": "Do in kernels what takes the time: replace the PyTorch operators that are named, dearest first.",
}
"""What to do about a rule of the gate."""

GENERAL_ADVICE: Final = "Compute the whole result from the inputs, on every call, in your own Triton kernels."


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What a report says of a failure."""

    fix: Fix | None
    rules: tuple[BrokenRule, ...]
    failed: tuple[Failure, ...]
    failed_more: int
    passed: str | None
    also: tuple[Note, ...]
    also_more: int


NOTHING: Final = Failures(fix=None, rules=(), failed=(), failed_more=0, passed=None, also=(), also_more=0)


def collect_hacks(report: Report, submission: Submission | None) -> Failures:
    """Returns the rules that are broken, each once, and what to do instead."""
    broken: dict[str, Finding] = {}
    for finding in report.findings:
        if finding.severity is Severity.REJECT:
            broken.setdefault(finding.rule, finding)
    rules: list[BrokenRule] = []
    shown: set[int | None] = set()
    for rule, finding in list(broken.items())[:MAX_LISTED]:
        rules.append(
            BrokenRule(
                name=rule,
                evidence=clip(quote(finding.evidence), MAX_NOTE),
                advice=ADVICE.get(rule, GENERAL_ADVICE),
                line=finding.line,
                lines=() if finding.line in shown else tuple(_source(finding.line, None, submission)),
            )
        )
        shown.add(finding.line)
    return Failures(fix=None, rules=tuple(rules), failed=(), failed_more=0, passed=None, also=(), also_more=0)


def collect_failures(report: Report, submission: Submission | None) -> Failures:
    """Returns what the first diagnostic says, how the cases went, and the other diagnostics."""
    if not report.diagnostics:
        return NOTHING
    first, *others = report.diagnostics
    ways: dict[str, list[CaseResult]] = {}
    for case in report.cases:
        if not case.passed:
            ways.setdefault(case.failure, []).append(case)
    said = {(first.message, first.line), *((way, None) for way in ways)}
    unsaid = dict.fromkeys((other.message, other.line) for other in others)
    more = [
        Note(rule="", text=clip(quote(text), MAX_NOTE), line=line) for text, line in unsaid if (text, line) not in said
    ]
    passed = "; ".join(quote(case.case) for case in report.cases if case.passed)
    return Failures(
        fix=_fix(first, report.cases, submission),
        rules=(),
        failed=tuple(_failed(alike, first.message) for alike in list(ways.values())[:MAX_LISTED]),
        failed_more=sum(len(alike) for alike in list(ways.values())[MAX_LISTED:]),
        passed=clip(passed, MAX_NOTE) or None,
        also=tuple(more[:MAX_LISTED]),
        also_more=len(more[MAX_LISTED:]),
    )


def collect_notes(report: Report) -> tuple[Note, ...]:
    """Returns what the gate warns of."""
    warnings = [item for item in report.findings if item.severity is Severity.WARN][:MAX_LISTED]
    return tuple(Note(rule=item.rule, text=clip(quote(item.evidence), MAX_NOTE), line=item.line) for item in warnings)


def _fix(diagnostic: Diagnostic, cases: Sequence[CaseResult], submission: Submission | None) -> Fix:
    message, pattern = diagnostic.message, None
    for case in cases:
        if case.detail and case.pattern and case.failure == message:
            message, pattern = case.detail, case.pattern
    return Fix(
        message=clip(quote(message), MAX_MESSAGE),
        case=one_line(diagnostic.case, MAX_LINE) if diagnostic.case else None,
        pattern=None if pattern is None else clip(quote(pattern), MAX_NOTE),
        line=diagnostic.line,
        lines=tuple(_source(diagnostic.line, diagnostic.excerpt, submission)),
        hint=clip(quote(diagnostic.hint), MAX_NOTE) if diagnostic.hint else None,
    )


def _failed(alike: Sequence[CaseResult], fix: str) -> Failure:
    """Returns cases that failed in the same way, without what is said of those that have to be fixed first."""
    one = alike[0]
    names = "; ".join(f"{case.case} ({case.failed_trials} of {case.trials} input sets)" for case in alike)
    said = fix.split(PATTERNS)
    patterns = [part.partition(": ")[0] for part in (one.pattern or "").split(PATTERNS) if part and part not in said]
    how = PATTERNS.join((one.detail or "", *patterns))
    return Failure(
        cases=clip(quote(names), MAX_NOTE), how=clip(quote(how), MAX_NOTE) if how and one.failure != fix else None
    )


def _source(line: int | None, excerpt: str | None, submission: Submission | None) -> Iterator[SourceLine]:
    """Yields the lines around `line`."""
    if line is None:
        return
    lines = [] if submission is None else submission.source.split("\n")
    shown = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
    if line not in shown:
        if excerpt:
            yield SourceLine(number=line, text=_cut(excerpt), blamed=True)
        return
    for number in shown:
        yield SourceLine(number=number, text=_cut(lines[number - 1]), blamed=number == line)


def _cut(text: str) -> str:
    return plain(text[:MAX_LINE].expandtabs(4).replace("\n", " "))[:MAX_LINE].rstrip()
