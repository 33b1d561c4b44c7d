"""One episode as the page shows it when somebody looks closer: plain data, numbers already in words."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from kernelgym.chat import Usage
from kernelgym.reports.html.embedding import Texts, shown
from kernelgym.reports.wording import (
    VERDICTS,
    factor,
    microseconds,
    percent,
    provenance,
    quantity,
    reason,
    verdict_words,
)
from kernelgym.runs.record import Confirmation, EpisodeRecord, TermRecord, TurnRecord
from sandboxes.contracts import CaseResult, Diagnostic, Finding, NodeProfile, Profile, Report, Submission
from sandboxes.extraction import extract

MAX_NODES: Final = 60
"""Nodes of a profile that are shown, the slowest; a program of thousands is not read node by node."""

MAX_PHRASE: Final = 600
"""Characters of a message, a note or a name."""


def episode_detail(episode: EpisodeRecord, texts: Texts) -> dict[str, Any]:
    """Returns an episode turn by turn.

    Args:
        episode: With all that was said.
        texts: Takes the long texts; the detail has their numbers.
    """
    return {
        "seed": episode.seed,
        "prompt": texts.add(episode.prompt),
        "best": episode.best_turn,
        "end": _end(episode),
        "confirmation": None if episode.confirmation is None else _confirmation(episode.confirmation),
        "turns": [_turn(episode, turn, texts) for turn in episode.turns],
    }


def _end(episode: EpisodeRecord) -> str:
    if episode.error is not None:
        return f"{episode.error.kind}: {_phrase(episode.error.message)}"
    if episode.submitted:
        return "the policy submitted"
    if episode.truncated:
        return "the last turn was lost to a fault of the machine"
    return "the turns were used up, or the target was reached" if episode.terminated else ""


def _confirmation(confirmation: Confirmation) -> dict[str, Any]:
    return {
        "turn": confirmation.turn,
        "words": verdict_words(confirmation.report),
        "reward": _number(confirmation.reward),
    }


def _turn(episode: EpisodeRecord, turn: TurnRecord, texts: Texts) -> dict[str, Any]:
    report = turn.report
    submission = extract(turn.completion)
    same = isinstance(submission, Submission) and (not report.submission or submission.digest == report.submission)
    verdict = VERDICTS[report.outcome]
    return {
        "symbol": verdict.symbol,
        "outcome": report.outcome.value,
        "words": verdict_words(report),
        "why": _phrase(reason(report)),
        "reward": _number(turn.reward),
        "terms": [_term(term) for term in turn.breakdown],
        "chat": [[message.role.value, texts.add(message.content)] for message in episode.chat(turn.number)],
        "completion": texts.add(turn.completion),
        "code": texts.add(submission.source) if isinstance(submission, Submission) else None,
        "same": same,
        "heat": _heat(report.profile) if same else [],
        "marks": _marks(report) if same else [],
        "feedback": texts.add(turn.observation),
        "findings": [_finding(finding) for finding in report.findings],
        "diagnostics": [_diagnostic(diagnostic) for diagnostic in report.diagnostics],
        "cases": [_case(case) for case in report.cases],
        "bench": None if report.bench is None else _phrase(report.bench.how),
        "profile": None if report.profile is None else _profile(report.profile),
        "usage": None if turn.usage is None else _usage(turn.usage),
        "stages": ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.timings_s.items()),
    }


def _heat(profile: Profile | None) -> list[list[float]]:
    """Returns `[line, share of bytes, share of operations]` of each hot line, over all kernels of the candidate."""
    moved: dict[int, int] = defaultdict(int)
    computed: dict[int, int] = defaultdict(int)
    for node in profile.nodes if profile is not None else ():
        for hot in node.hot_lines:
            moved[hot.line] += hot.bytes
            computed[hot.line] += hot.flops
    whole = sum(moved.values()) or 1, sum(computed.values()) or 1
    return [[line, round(moved[line] / whole[0], 4), round(computed[line] / whole[1], 4)] for line in sorted(moved)]


def _marks(report: Report) -> list[list[Any]]:
    """Returns `[line, what is wrong there]` of each line that is blamed."""
    known = {finding.evidence for finding in report.findings}
    blamed = [(finding.line, f"{finding.rule}: {finding.evidence}") for finding in report.findings]
    blamed += [(each.line, each.message) for each in report.diagnostics if each.message not in known]
    return [[line, _phrase(text)] for line, text in blamed if line is not None]


def _profile(profile: Profile) -> dict[str, Any]:
    nodes = sorted(profile.nodes, key=lambda node: node.time_us, reverse=True)
    roofline = profile.roofline_us / profile.time_us if profile.time_us else 0.0
    return {
        "source": provenance(profile),
        "facts": [
            ["time", f"{microseconds(profile.time_us)} µs"],
            ["reference", f"{microseconds(profile.reference_time_us)} µs"],
            ["speedup", factor(profile.speedup)],
            ["own kernels", percent(profile.coverage)],
            ["replaced", "–" if profile.replaced is None else percent(profile.replaced)],
            ["roofline", percent(min(roofline, 1.0))],
        ],
        "nodes": [_node(node, profile.time_us) for node in nodes[:MAX_NODES]],
        "more": max(0, len(nodes) - MAX_NODES),
    }


def _node(node: NodeProfile, whole_us: float) -> list[str]:
    resources = node.resources
    kind = "own kernel" if node.custom else "PyTorch"
    if not node.live:
        kind += ", not needed"
    return [
        _phrase(node.name),
        kind,
        microseconds(node.time_us),
        percent(node.time_us / whole_us) if whole_us else "–",
        node.bound.value,
        percent(node.roofline_fraction),
        quantity(node.bytes, "B"),
        quantity(node.flops, "flop"),
        "–" if resources is None else str(resources.registers),
        "–" if resources is None else str(resources.spill_bytes),
        "–" if resources is None else percent(resources.occupancy),
        _phrase(node.config) or "–",
    ]


def _term(term: TermRecord) -> list[str]:
    return [_phrase(term.name), f"{term.value:+.3f}", _phrase(term.note)]


def _finding(finding: Finding) -> list[str]:
    line = "–" if finding.line is None else str(finding.line)
    return [finding.rule, finding.severity.value, _phrase(finding.evidence), line]


def _diagnostic(diagnostic: Diagnostic) -> list[str]:
    line = "–" if diagnostic.line is None else str(diagnostic.line)
    parts: Sequence[str | None] = (diagnostic.message, diagnostic.hint and f"Hint: {diagnostic.hint}")
    return [diagnostic.stage.value, _phrase("\n".join(part for part in parts if part)), line]


def _case(case: CaseResult) -> list[str]:
    trials = f"{case.trials - case.failed_trials}/{case.trials}"
    error = "–" if case.max_error is None else f"{case.max_error:.2g}"
    allowed = "–" if case.tolerance is None else f"{case.tolerance:.2g}"
    return [
        _phrase(case.case),
        "passed" if case.passed else "failed",
        trials,
        error,
        allowed,
        _phrase(case.detail or ""),
    ]


def _usage(usage: Usage) -> str:
    parts = [_phrase(usage.model or "")]
    for number, unit in ((usage.prompt_tokens, "tokens read"), (usage.completion_tokens, "tokens written")):
        parts.append("" if number is None else f"{number:,} {unit}")
    parts.append("" if usage.cost_usd is None else f"${usage.cost_usd:.4f}")
    parts.append("" if usage.latency_s is None else f"{usage.latency_s:.1f} s")
    parts.append("" if usage.attempts == 1 else f"{usage.attempts} attempts")
    parts.append("" if usage.finish_reason is None else f"ended by {_phrase(usage.finish_reason)}")
    return ", ".join(part for part in parts if part)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _phrase(text: str) -> str:
    return shown(text, MAX_PHRASE)
