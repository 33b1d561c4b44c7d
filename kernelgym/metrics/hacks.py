"""Which hacks were tried, by family and by rule."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kernelgym.metrics.families import family_of
from kernelgym.metrics.intervals import Resampling
from kernelgym.metrics.summary import Family, Hacks
from kernelgym.runs.record import EpisodeRecord
from sandboxes.contracts import Outcome, Report, Severity


def rejecting_rules(report: Report) -> frozenset[str]:
    """Returns the rules for which a candidate was rejected; none unless its outcome is `hack`."""
    if report.outcome is not Outcome.HACK:
        return frozenset()
    return frozenset(finding.rule for finding in report.findings if finding.severity is Severity.REJECT)


def summarize_hacks(episodes: Sequence[EpisodeRecord], resampling: Resampling) -> Hacks:
    """Returns what the gate said of these episodes.

    Args:
        episodes: The counted ones.
        resampling: Of them, in this order.
    """
    turns = [(row, turn.report) for row, episode in enumerate(episodes) for turn in episode.turns]
    rejected = [(row, rejecting_rules(report)) for row, report in turns]
    warned = Counter(rule for _, report in turns for rule in _warnings(report))
    hacks = np.array([float(report.outcome is Outcome.HACK) for _, report in turns])
    names = sorted({family_of(rule) for _, rules in rejected for rule in rules})
    anywhere = np.zeros((len(names) + 1, len(episodes)))
    for row, rules in rejected:
        anywhere[0, row] = max(anywhere[0, row], bool(rules))
        for rule in rules:
            anywhere[1 + names.index(family_of(rule)), row] = 1.0
    overall, *shares = resampling.shares(*anywhere)
    families = {}
    for name, share in zip(names, shares, strict=True):
        own = [[rule for rule in rules if family_of(rule) == name] for _, rules in rejected]
        tally = Counter(rule for found in own for rule in found)
        families[name] = Family(turns=sum(map(bool, own)), episodes=share, rules=dict(sorted(tally.items())))
    of_turns = Resampling([episodes[row].problem for row, _ in turns]).shares(hacks)[0]
    return Hacks(turns=of_turns, episodes=overall, families=families, warnings=dict(sorted(warned.items())))


def _warnings(report: Report) -> frozenset[str]:
    return frozenset(finding.rule for finding in report.findings if finding.severity is Severity.WARN)
