"""Whose the device's time is: what a profiler saw, shared out among the nodes of a trace.

Only what the device did counts, never what the host did for it, and only the launch that it belongs to, never a name:
a kernel called `gemm` is the candidate's if the candidate's launch started it. Time in which several nodes keep the
device busy is shared between them, so that nothing is counted twice and nobody gains by running beside somebody else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from sandboxes.devices.cuda.gpu import DeviceEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Device time of one run, or of the median of several."""

    node_us: Mapping[int, float]
    """Time of each node that had any event; together the time in which any of them kept the device busy."""
    other_us: float
    """Time in which the device was busy with what belongs to no node."""

    @property
    def busy_us(self) -> float:
        """Time in which the nodes kept the device busy."""
        return sum(self.node_us.values())


def attribute(events: Iterable[DeviceEvent], nodes: int) -> Attribution:
    """Shares the device's time out.

    Args:
        events: What the device did, in any order; they may overlap.
        nodes: How many the trace has. A higher number, and none at all, is nobody's.
    """
    time_us: dict[int | None, float] = {}
    edges: list[tuple[float, int, int | None]] = []
    for event in events:
        owner = event.node if event.node is not None and 0 <= event.node < nodes else None
        time_us.setdefault(owner, 0.0)
        edges += [(event.start_us, 1, owner), (event.start_us + event.duration_us, -1, owner)]
    active: Counter[int | None] = Counter()
    before = 0.0
    for at, change, owner in sorted(edges, key=lambda edge: edge[:2]):
        for each in active:
            time_us[each] += (at - before) / len(active)
        active[owner] += change
        if not active[owner]:
            del active[owner]
        before = at
    other_us = time_us.pop(None, 0.0)
    return Attribution(node_us={node: spent for node, spent in time_us.items() if node is not None}, other_us=other_us)


def typical(runs: Sequence[Attribution]) -> Attribution:
    """Returns the median of each node over several runs, of those that most runs saw."""
    seen = Counter(chain.from_iterable(run.node_us for run in runs))
    return Attribution(
        node_us={
            node: median(run.node_us.get(node, 0.0) for run in runs)
            for node in sorted(seen)
            if 2 * seen[node] > len(runs)
        },
        other_us=median(run.other_us for run in runs) if runs else 0.0,
    )
