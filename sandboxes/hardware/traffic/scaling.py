"""Counts of some waves as those of the whole grid."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sandboxes.ttir import ArgumentCount, Counters, Location, MemoryCount
from sandboxes.ttir.addresses.log import AddressLog


def scaled_counters(logs: Iterable[tuple[AddressLog, float]], distinct: Mapping[tuple[str, str], float]) -> Counters:
    """Returns what the executor would have counted over the whole grid, by estimate.

    Args:
        logs: Each with the number of programs that one of its programs stands for.
        distinct: Distinct bytes of the whole grid by argument and `load` or `store`.
    """
    flops: dict[str, float] = defaultdict(float)
    lines: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    memory: dict[tuple[str, str, Location], list[float]] = {}
    uneven = [1.0, 1.0]
    for log, weight in logs:
        for kind, amount in log.counters.flops.items():
            flops[kind] += amount * weight
        for line, kinds in log.counters.lines.items():
            for kind, amount in kinds.items():
                lines[line][kind] += amount * weight
        for count in log.counters.memory:
            sums = memory.setdefault((count.kind, count.argument, count.location), [0.0, 0.0, 0.0])
            for position, amount in enumerate((count.bytes, count.lanes, count.executions)):
                sums[position] += amount * weight
        uneven = [max(uneven[0], log.counters.uneven_bytes), max(uneven[1], log.counters.uneven_operations)]
    result = Counters(
        flops={kind: round(amount) for kind, amount in flops.items()},
        lines={line: {kind: round(amount) for kind, amount in kinds.items()} for line, kinds in sorted(lines.items())},
        uneven_bytes=uneven[0],
        uneven_operations=uneven[1],
    )
    for (kind, argument, location), sums in memory.items():
        result.memory.append(MemoryCount(kind, argument, location, *(round(each) for each in sums)))
        own = result.arguments.setdefault(argument, ArgumentCount())
        if kind == "load":
            own.bytes_loaded += round(sums[0])
        else:
            own.bytes_stored += round(sums[0])
    for (argument, kind), unique in distinct.items():
        own = result.arguments.setdefault(argument, ArgumentCount())
        if kind == "load":
            own.unique_bytes_loaded = round(unique)
        else:
            own.unique_bytes_stored = round(unique)
    return result
