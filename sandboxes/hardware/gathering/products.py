"""Products of a launch and its ways through shared memory: the compiled code, as often as lines were executed."""

from collections import defaultdict
from math import prod

from sandboxes.hardware.code.code import Code, DotCode
from sandboxes.hardware.executed import model_kind
from sandboxes.hardware.facts import DotFacts, SharedFacts, Unit
from sandboxes.ttir import Counters

SLOWEST = (Unit.FMA, Unit.MMA)
"""Units below a target's best one."""


def products(counters: Counters, scale: float, code: Code | None) -> tuple[DotFacts, ...]:
    """Returns the products of a launch.

    Operations are counted by line, so those of one line count as the worst of its products: a large one that is
    executed once lends its rate to no small ones.
    """
    if code is None:
        return ()
    worst: dict[int, DotCode] = {}
    for dot in code.dots:
        worst[dot.line] = min(worst.get(dot.line, dot), dot, key=_quality)
    return tuple(
        DotFacts(
            line=line,
            unit=worst[line].unit,
            kind=model_kind(executed),
            flops=count * scale,
            tile=worst[line].tile,
            instruction=worst[line].instruction,
        )
        for line, counts in counters.lines.items()
        for executed, count in counts.items()
        if line in worst and executed.startswith("dot_")
    )


def _quality(dot: DotCode) -> tuple[int, int, int]:
    """Returns what products are ordered by, the slowest first: unit, instruction, tile."""
    return SLOWEST.index(dot.unit) if dot.unit in SLOWEST else len(SLOWEST), prod(dot.instruction), prod(dot.tile)


def shared(counters: Counters, scale: float, code: Code, programs: int) -> tuple[SharedFacts, ...]:
    """Returns the ways through shared memory; in a loop as often as programs execute that line, or else any."""
    by_line: dict[int, float] = defaultdict(float)
    for count in counters.memory:
        line = count.location.user_line()
        by_line[line] = max(by_line[line], count.executions * scale)
    multiplied = _executed_dots(counters, scale, code)
    most = max((*by_line.values(), *multiplied.values()), default=float(programs))
    found = []
    for way in code.shared:
        often = (
            max(by_line.get(way.line, 0.0), multiplied.get(way.line, 0.0)) or most if way.looped else float(programs)
        )
        found.append(SharedFacts(line=way.line, bytes=way.bytes * often, conflicts=way.conflicts))
    return tuple(found)


def _executed_dots(counters: Counters, scale: float, code: Code) -> dict[int, float]:
    """Returns how often programs execute the products of a line."""
    each: dict[int, float] = defaultdict(float)
    for dot in code.dots:
        each[dot.line] += 2.0 * prod(dot.tile)
    return {
        line: scale * sum(count for kind, count in counts.items() if kind.startswith("dot_")) / each[line]
        for line, counts in counters.lines.items()
        if each.get(line)
    }
