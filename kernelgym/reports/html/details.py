"""One episode as the page shows it when somebody looks closer: plain data, numbers already in words."""

from typing import Any

from kernelgym.reports.hot_lines import costly_lines
from kernelgym.reports.html.embedding import Texts
from kernelgym.reports.html.phrases import (
    case_words,
    diagnostic_words,
    finding_words,
    phrase,
    profile_words,
    term_words,
    usage_words,
)
from kernelgym.reports.wording import VERDICTS, modelled_time, reason, verdict_words
from kernelgym.runs.record import Confirmation, EpisodeRecord, TurnRecord
from sandboxes.contracts import Profile, Report, Submission
from sandboxes.extraction import extract


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
        return f"{episode.error.kind}: {phrase(episode.error.message)}"
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
        "why": phrase(reason(report)),
        "reward": _number(turn.reward),
        "terms": [term_words(term) for term in turn.breakdown],
        "chat": [[message.role.value, texts.add(message.content)] for message in episode.chat(turn.number)],
        "completion": texts.add(turn.completion),
        "code": texts.add(submission.source) if isinstance(submission, Submission) else None,
        "same": same,
        "heat": _heat(report.profile) if same else [],
        "marks": _marks(report) if same else [],
        "feedback": texts.add(turn.observation),
        "findings": [finding_words(finding) for finding in report.findings],
        "diagnostics": [diagnostic_words(diagnostic) for diagnostic in report.diagnostics],
        "cases": [case_words(case) for case in report.cases],
        "bench": None if report.bench is None else phrase(report.bench.how),
        "profile": None if report.profile is None else profile_words(report.profile),
        "usage": None if turn.usage is None else usage_words(turn.usage),
        "stages": ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.timings_s.items()),
    }


def _heat(profile: Profile | None) -> list[list[float | None]]:
    """Returns `[line, share of time, share of bytes, share of operations]` of each hot line, over all own kernels.

    Shares of time are of the model's time of the program; None where only counts are known.
    """
    if profile is None:
        return []
    lines = sorted(costly_lines(profile), key=lambda line: line.number)
    whole = sum(line.bytes for line in lines) or 1, sum(line.flops for line in lines) or 1
    whole_us = modelled_time(profile)
    return [
        [
            line.number,
            None if line.time_us is None or not whole_us else round(min(line.time_us / whole_us, 1.0), 4),
            round(line.bytes / whole[0], 4),
            round(line.flops / whole[1], 4),
        ]
        for line in lines
    ]


def _marks(report: Report) -> list[list[Any]]:
    """Returns `[line, what is wrong there]` of each line that is blamed."""
    known = {finding.evidence for finding in report.findings}
    blamed = [(finding.line, f"{finding.rule}: {finding.evidence}") for finding in report.findings]
    blamed += [(each.line, each.message) for each in report.diagnostics if each.message not in known]
    return [[line, phrase(text)] for line, text in blamed if line is not None]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
