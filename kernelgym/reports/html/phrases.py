"""What a report says of a turn, as rows of words for the page."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from kernelgym.chat import Usage
from kernelgym.reports.html.embedding import shown
from kernelgym.reports.timing import flag_words, measured_facts
from kernelgym.reports.wording import (
    PART_WORDS,
    bound_words,
    ends,
    factor,
    microseconds,
    modelled_time,
    percent,
    provenance,
    quantity,
    time_band,
)
from kernelgym.runs.record import TermRecord
from sandboxes.contracts import CaseResult, Counterfactual, Diagnostic, Finding, NodeProfile, Profile

MAX_NODES: Final = 60
"""Nodes of a profile that are shown, the slowest; a program of thousands is not read node by node."""

LEAST_PART: Final = 0.005
"""Share of all activities below which one is not drawn."""

MAX_PHRASE: Final = 600
"""Characters of a message, a note or a name."""


def profile_words(profile: Profile) -> dict[str, Any]:
    """Returns where times come from, the whole in facts, what would help, and a row for each of the slowest nodes.

    Of measured times also how, what is wrong with them, and what the model says of each node; empty for modelled ones.
    """
    nodes = sorted(profile.nodes, key=lambda node: node.time_us, reverse=True)
    modelled = {} if profile.measurement is None else profile.measurement.modelled_nodes_us
    roofline = profile.roofline_us / profile.time_us if profile.time_us else 0.0
    return {
        "source": provenance(profile),
        "facts": [
            ["time", f"{microseconds(profile.time_us)} µs{_between(time_band(profile), microseconds)}"],
            ["reference", f"{microseconds(profile.reference_time_us)} µs"],
            ["speedup", f"{factor(profile.speedup)}{_between(profile.speedup_band, factor)}"],
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
        "parts": [_parts(node) for node in nodes[:MAX_NODES]],
        "advice": [_advice(each, modelled_time(profile)) for each in profile.counterfactuals],
        "unpriced": [f"{phrase(node.name)}: {phrase(node.unpriced)}" for node in nodes[:MAX_NODES] if node.unpriced],
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
        f"{microseconds(node.time_us)}{_between(node.band_us, microseconds)}",
        percent(node.time_us / whole_us) if whole_us else "–",
        bound_words(node),
        percent(node.roofline_fraction),
        quantity(node.bytes, "B"),
        quantity(node.flops, "flop"),
        "–" if resources is None else str(resources.registers),
        "–" if resources is None else str(resources.spill_bytes),
        "–" if resources is None else percent(resources.occupancy),
        phrase(node.config) or "–",
    ]


def _between(band: tuple[float, float] | None, words: Callable[[float], str]) -> str:
    return "" if band is None else ends(words(band[0]), words(band[1]))


def _advice(each: Counterfactual, whole_us: float) -> list[str]:
    """Returns what to do, where, what it saves, of all, and how much faster that makes the node."""
    return [
        phrase(each.text),
        "–" if each.line is None else str(each.line),
        microseconds(each.saves_us),
        percent(min(each.saves_us / whole_us, 1.0)) if whole_us else "–",
        factor(each.node_speedup),
        quantity(each.saves_bytes, "B") if each.saves_bytes else "–",
    ]


def _parts(node: NodeProfile) -> dict[str, Any] | None:
    """Returns what each activity of a node would take alone: its kind, its words, its share of their sum, its time."""
    known = [(name, node.parts_us[name]) for name in PART_WORDS if node.parts_us.get(name)]
    whole_us = sum(time_us for _, time_us in known)
    if not whole_us:
        return None
    return {
        "name": phrase(node.name),
        "bound": bound_words(node),
        "parts": [
            [name, PART_WORDS[name], round(time_us / whole_us, 4), f"{microseconds(time_us)} µs"]
            for name, time_us in known
            if time_us >= LEAST_PART * whole_us
        ],
    }


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
