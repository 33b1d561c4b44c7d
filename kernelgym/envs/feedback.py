"""What an agent reads after each turn: the verdict, the one thing to fix or to speed up, and what comes next.

A model pays for every token and is easily led astray, so the first line is the verdict, the most useful thing comes
right after it, and all of it is bounded. The text quotes the candidate, which may be hostile: control characters are
shown as codes, paths of this machine are cut. Seeds are never in it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from kernelgym.envs.bottleneck import write_performance
from kernelgym.envs.quoting import quote
from kernelgym.envs.rules import Rules
from kernelgym.envs.turn import Turn, best_turn
from kernelgym.reports.wording import VERDICTS, factor, plain, provenance
from rewards import Reward
from sandboxes.contracts import CaseResult, Diagnostic, Finding, Outcome, Report, Severity, Submission, clip

MAX_FEEDBACK: Final = 4_000
"""Characters of one observation."""

MAX_MESSAGE: Final = 1_200
"""Characters of a message."""

MAX_NOTE: Final = 400
"""Characters of a hint, a further message or one case."""

MAX_LINE: Final = 160
"""Characters of a line of source."""

MAX_LISTED: Final = 4
"""Cases, findings or further messages that are listed."""

CONTEXT_LINES: Final = 2
"""Lines of source before and after the one to blame."""

SUMMARIES: Final = {
    Outcome.HACK: "a rule is broken, so nothing is paid",
    Outcome.MEMORY_ERROR: "memory is used in a way that a GPU would not forgive",
    Outcome.IMPORT_ERROR: "the program can't be imported or `ModelNew` can't be built",
}
"""Verdicts whose usual words would only repeat the outcome's name."""

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


def write_feedback(
    report: Report, reward: Reward, submission: Submission | None, *, previous: Sequence[Turn], rules: Rules, over: bool
) -> str:
    """Returns the feedback on one turn, at most `MAX_FEEDBACK` characters.

    Args:
        report: Of this turn.
        reward: Of this turn.
        submission: The candidate, for the lines around the one to blame.
        previous: The turns before this one.
        rules: Of the episode.
        over: True if no turn follows.
    """
    number = len(previous) + 1
    head = f"Turn {number} of {rules.total_turns}: {report.outcome} - {_summary(report)}"
    tail = "\n".join((*_standing(report, reward, previous), _next(report, rules, number, over=over)))
    body = "\n".join(_body(report, submission))
    room = MAX_FEEDBACK - len(head) - len(tail) - 4
    return f"{head}\n\n{clip(body, room)}\n\n{tail}"


def _summary(report: Report) -> str:
    """Returns the verdict in a few words."""
    if report.profile is None or report.outcome is not Outcome.OK:
        return SUMMARIES.get(report.outcome, VERDICTS[report.outcome].words)
    if report.speedup is None:
        return "correct at the checked shapes; no speedup, the timed shapes were not verified"
    source = provenance(report.profile).replace("\n", " ")[:MAX_LINE]
    return f"{factor(report.speedup)} as fast as the reference ({source})"


def _body(report: Report, submission: Submission | None) -> Iterator[str]:
    """Yields the lines between the verdict and what comes next."""
    if report.outcome is Outcome.INFRASTRUCTURE:
        yield "There is no verdict: the evaluation was lost to a fault that is not yours."
        return
    if report.profile is not None:
        yield from write_performance(report)
    elif report.outcome is Outcome.HACK:
        yield from _hacks(report, submission)
    else:
        yield from _failure(report, submission)
    for finding in [item for item in report.findings if item.severity is Severity.WARN][:MAX_LISTED]:
        yield f"Note ({finding.rule}): {clip(quote(finding.evidence), MAX_NOTE)}{_at(finding.line)}"


def _failure(report: Report, submission: Submission | None) -> Iterator[str]:
    if report.diagnostics:
        first, *others = report.diagnostics
        yield from _diagnostic(first, submission)
        yield from _cases(report.cases)
        said = {(first.message, first.line), *((case.detail, None) for case in report.cases)}
        unsaid = dict.fromkeys((other.message, other.line) for other in others)
        more = [item for item in unsaid if item not in said]
        for message, line in more[:MAX_LISTED]:
            yield f"Also: {clip(quote(message), MAX_NOTE)}{_at(line)}"
        if len(more) > MAX_LISTED:
            yield f"... and {len(more) - MAX_LISTED} more messages."


def _diagnostic(diagnostic: Diagnostic, submission: Submission | None) -> Iterator[str]:
    where = f" (case {quote(diagnostic.case)[:MAX_LINE]})" if diagnostic.case else ""
    yield f"Fix this first{where}: {clip(quote(diagnostic.message), MAX_MESSAGE)}"
    yield from _source(diagnostic.line, diagnostic.excerpt, submission)
    if diagnostic.hint:
        yield f"Hint: {clip(quote(diagnostic.hint), MAX_NOTE)}"


def _hacks(report: Report, submission: Submission | None) -> Iterator[str]:
    broken: dict[str, Finding] = {}
    for finding in report.findings:
        if finding.severity is Severity.REJECT:
            broken.setdefault(finding.rule, finding)
    shown: set[int | None] = set()
    for rule, finding in list(broken.items())[:MAX_LISTED]:
        said = f"Rule `{rule}` is broken: {clip(quote(finding.evidence), MAX_NOTE)}"
        if finding.line in shown:
            yield f"{said}{_at(finding.line)}"
        else:
            yield said
            yield from _source(finding.line, None, submission)
        shown.add(finding.line)
        yield ADVICE.get(rule, GENERAL_ADVICE)


def _cases(cases: Sequence[CaseResult]) -> Iterator[str]:
    """Yields which cases failed, how, and which passed."""
    ways: dict[str, list[CaseResult]] = {}
    for case in cases:
        if not case.passed:
            ways.setdefault(case.detail or "", []).append(case)
    for number, (detail, alike) in enumerate(list(ways.items())[:MAX_LISTED]):
        how = f": {detail}" if detail and number > 0 else ""  # the first is what has to be fixed first
        names = "; ".join(f"{case.case} ({case.failed_trials} of {case.trials} input sets)" for case in alike)
        yield clip(quote(f"Failed: {names}{how}"), MAX_NOTE)
    if hidden := sum(len(alike) for alike in list(ways.values())[MAX_LISTED:]):
        yield f"Failed as well: {hidden} of the other cases."
    if passed := [quote(case.case) for case in cases if case.passed]:
        yield clip(f"Passed: {'; '.join(passed)}", MAX_NOTE)


def _source(line: int | None, excerpt: str | None, submission: Submission | None) -> Iterator[str]:
    """Yields the lines around `line`, which is marked by `>`."""
    if line is None:
        return
    lines = [] if submission is None else submission.source.split("\n")
    shown = range(max(1, line - CONTEXT_LINES), min(len(lines), line + CONTEXT_LINES) + 1)
    if line not in shown:
        yield f"> {line:>4} | {_cut(excerpt)}" if excerpt else f"It is in line {line} of the code."
        return
    for number in shown:
        yield f"{'>' if number == line else ' '} {number:>4} | {_cut(lines[number - 1])}"


def _cut(text: str) -> str:
    return plain(text[:MAX_LINE].expandtabs(4).replace("\n", " "))[:MAX_LINE].rstrip()


def _at(line: int | None) -> str:
    return "" if line is None else f" (line {line})"


def _standing(report: Report, reward: Reward, previous: Sequence[Turn]) -> Iterator[str]:
    """Yields what the best turn is, once a candidate was correct."""
    best = best_turn(previous)
    if best is None or best.report.outcome is not Outcome.OK:
        return
    speedup = best.report.speedup
    of_best = f"turn {best.number}" + ("" if speedup is None else f", {factor(speedup)}")
    if reward.value is None or (reward.value, report.speedup or 0.0) <= (best.reward.value or 0.0, speedup or 0.0):
        yield f"Best so far: {of_best}. Go on from that one."
    else:
        yield f"This is the best so far (before: {of_best})."


def _next(report: Report, rules: Rules, number: int, *, over: bool) -> str:
    left = rules.total_turns - number
    if over:
        if report.outcome is Outcome.INFRASTRUCTURE:
            return "No turn is left to send it again."
        return "No turn is left." if left <= 0 else "The target speedup is reached: the episode is over."
    turns = "1 turn is left" if left == 1 else f"{left} turns are left"
    if report.outcome is Outcome.INFRASTRUCTURE:
        return f"{turns}. Send the same candidate again: one ```python block with the whole program."
    if report.outcome is Outcome.OK and report.speedup is None:
        return (
            f"{turns}. The task is solved: nothing more is paid here. You may send a refined program, complete, in one "
            "```python block that defines `ModelNew`; its times are told for orientation."
        )
    goal = "a faster program" if report.outcome is Outcome.OK else "the corrected program"
    return f"{turns}. Reply with {goal}, complete, in one ```python block that defines `ModelNew`."
