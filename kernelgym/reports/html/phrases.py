"""What a report says of a turn, as rows of words for the page."""

from collections.abc import Sequence
from typing import Any, Final

from kernelgym.chat import Usage
from kernelgym.reports.html.embedding import shown
from kernelgym.reports.timing import flag_words, measured_facts
from kernelgym.reports.wording import factor, microseconds, percent, provenance, quantity
from kernelgym.runs.record import TermRecord
from sandboxes.contracts import CaseResult, Diagnostic, Finding, NodeProfile, Profile

MAX_NODES: Final = 60
"""Nodes of a profile that are shown, the slowest; a program of thousands is not read node by node."""

MAX_PHRASE: Final = 600
"""Characters of a message, a note or a name."""


def profile_words(profile: Profile) -> dict[str, Any]:
    """Returns where times come from, the whole in facts, and a row for each of the slowest nodes.

    Of measured times also how, what is wrong with them, and what the model says of each node; empty for modelled ones.
    """
    nodes = sorted(profile.nodes, key=lambda node: node.time_us, reverse=True)
    modelled = {} if profile.measurement is None else profile.measurement.modelled_nodes_us
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
        "flags": list(flag_words(profile)),
        "measured": [[name, phrase(words)] for name, words in measured_facts(profile)],
        "modelled": [
            microseconds(modelled[node.node]) if node.node in modelled else "?"
            for node in nodes[:MAX_NODES]
            if modelled
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
        phrase(node.name),
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
        phrase(node.config) or "–",
    ]


def term_words(term: TermRecord) -> list[str]:
    """Returns name, value and note of a summand."""
    return [phrase(term.name), f"{term.value:+.3f}", phrase(term.note)]


def finding_words(finding: Finding) -> list[str]:
    """Returns rule, severity, evidence and line."""
    line = "–" if finding.line is None else str(finding.line)
    return [finding.rule, finding.severity.value, phrase(finding.evidence), line]


def diagnostic_words(diagnostic: Diagnostic) -> list[str]:
    """Returns stage, message with hint, and line."""
    line = "–" if diagnostic.line is None else str(diagnostic.line)
    parts: Sequence[str | None] = (diagnostic.message, diagnostic.hint and f"Hint: {diagnostic.hint}")
    return [diagnostic.stage.value, phrase("\n".join(part for part in parts if part)), line]


def case_words(case: CaseResult) -> list[str]:
    """Returns name, verdict, trials that passed, largest error, what was allowed, and the first failure."""
    trials = f"{case.trials - case.failed_trials}/{case.trials}"
    error = "–" if case.max_error is None else f"{case.max_error:.2g}"
    allowed = "–" if case.tolerance is None else f"{case.tolerance:.2g}"
    return [
        phrase(case.case),
        "passed" if case.passed else "failed",
        trials,
        error,
        allowed,
        phrase(case.failure),
    ]


def usage_words(usage: Usage) -> str:
    """Returns what a completion took, as far as it is known."""
    parts = [phrase(usage.model or "")]
    for number, unit in ((usage.prompt_tokens, "tokens read"), (usage.completion_tokens, "tokens written")):
        parts.append("" if number is None else f"{number:,} {unit}")
    parts.append("" if usage.cost_usd is None else f"${usage.cost_usd:.4f}")
    parts.append("" if usage.latency_s is None else f"{usage.latency_s:.1f} s")
    parts.append("" if usage.attempts == 1 else f"{usage.attempts} attempts")
    parts.append("" if usage.finish_reason is None else f"ended by {phrase(usage.finish_reason)}")
    return ", ".join(part for part in parts if part)


def phrase(text: str) -> str:
    """Returns a short text of somebody else, harmless and bounded."""
    return shown(text, MAX_PHRASE)
