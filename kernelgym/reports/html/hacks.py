"""What the gate found in a run, rule by rule, with evidence and where to look."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from kernelgym.metrics import counted, family_of
from kernelgym.reports.html.addresses import address
from kernelgym.reports.html.embedding import shown
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Severity

MAX_EXAMPLES: Final = 3
"""Turns of a rule that are linked."""

MAX_EVIDENCE: Final = 400
"""Characters of a finding's evidence."""


@dataclass(slots=True)
class HackRow:
    """One rule of the gate in a run."""

    family: str
    rule: str
    severity: str
    turns: int = 0
    episodes: set[tuple[str, int]] = field(default_factory=set)
    evidence: str = ""
    """Of the first turn."""
    examples: list[tuple[str, str]] = field(default_factory=list)
    """Address and name of the first turns."""


def hack_rows(episodes: Sequence[EpisodeRecord]) -> list[HackRow]:
    """Returns the findings of the counted episodes by rule; what rejected first, then by how often."""
    rows: dict[tuple[str, Severity], HackRow] = {}
    for episode in counted(episodes):
        for turn in episode.turns:
            seen: dict[tuple[str, Severity], str] = defaultdict(str)
            for finding in turn.report.findings:
                seen[finding.rule, finding.severity] = seen[finding.rule, finding.severity] or finding.evidence
            for (rule, severity), evidence in seen.items():
                row = rows.setdefault(
                    (rule, severity), HackRow(family_of(rule).replace("_", " "), rule, severity.value)
                )
                row.turns += 1
                row.episodes.add(episode.key)
                row.evidence = row.evidence or shown(evidence, MAX_EVIDENCE)
                if len(row.examples) < MAX_EXAMPLES:
                    name = f"{shown(episode.problem, 60)} #{episode.sample}, turn {turn.number}"
                    row.examples.append((address(episode.key, turn.number), name))
    return sorted(rows.values(), key=lambda row: (row.severity != Severity.REJECT, -row.turns, row.rule))
