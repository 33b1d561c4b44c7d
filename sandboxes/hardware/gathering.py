"""Puts together what is known about a launch: exact totals, sampled addresses, compiled code.

Totals of an execution in full are exact and win: what was sampled is scaled to them, so that a kernel gains nothing
where nobody looked. What was not looked at is never cheaper than what was.
"""

from collections.abc import Mapping

from sandboxes.contracts import Resources, Variant
from sandboxes.hardware.facts import LaunchFacts
from sandboxes.hardware.work import Work
from sandboxes.ttir import Counters


def facts_of(work: Work, counters: Counters, scale: float, variant: Variant, resources: Resources) -> LaunchFacts:
    """Returns everything that is known about a launch.

    Args:
        work: Of the whole launch.
        counters: Of the programs that ran.
        scale: Programs of the grid for each one that ran.
        variant: What was launched.
        resources: Of the compiled kernel.
    """
    return LaunchFacts(
        grid=variant.grid,
        resources=resources,
        num_stages=variant.num_stages,
        work=work,
        lines=_scaled(counters.lines, scale),
        sampled=1 / scale,
    )


def _scaled(lines: Mapping[int, Mapping[str, int]], scale: float) -> dict[int, dict[str, float]]:
    return {line: {kind: count * scale for kind, count in counts.items()} for line, counts in lines.items()}
