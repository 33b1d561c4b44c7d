"""Which node of the trace a kernel belongs to that a tool has seen, from the order of kernels and nothing else.

A candidate chooses the names of its kernels, so a name alone says nothing. But what was launched, and in which order,
is known: if a symbol was seen as often as it was launched, and all those so found are in order, each belongs to its
launch. What lies between two launches that follow each other, with one operator between them, is that operator's.
"""

from collections.abc import Sequence
from itertools import pairwise

from sandboxes.devices.cuda.sections.folder import Step


def attributed(steps: Sequence[Step], seen: Sequence[str]) -> list[int | None]:
    """Returns the node of each kernel that was seen; None where it can't be told.

    Args:
        steps: What was launched, in order.
        seen: Names of the kernels that a tool has seen, in order.
    """
    found = _own(steps, seen)
    nodes: list[int | None] = [None] * len(seen)
    if found is None:
        return nodes
    for row, step in found:
        nodes[row] = steps[step].node
    own = [number for number, step in enumerate(steps) if step.kernel is not None]
    place = {number: position for position, number in enumerate(own)}
    ends = [(-1, -1, -1), *((row, step, place[step]) for row, step in found), (len(seen), len(steps), len(own))]
    for (row, step, position), (next_row, next_step, next_position) in pairwise(ends):
        between = steps[step + 1 : next_step]
        if next_position == position + 1 and len(between) == 1:
            nodes[row + 1 : next_row] = [between[0].node] * (next_row - row - 1)
    return nodes


def _own(steps: Sequence[Step], seen: Sequence[str]) -> list[tuple[int, int]] | None:
    """Returns the rows of the candidate's kernels with their steps, in order; None if the order is another one."""
    found: list[tuple[int, int]] = []
    for name in dict.fromkeys(step.kernel for step in steps if step.kernel is not None):
        launched = [number for number, step in enumerate(steps) if step.kernel == name]
        rows = [row for row, other in enumerate(seen) if other == name]
        if len(rows) == len(launched):
            found += zip(rows, launched, strict=True)
    found.sort()
    in_order = all(one[1] < other[1] for one, other in pairwise(found))
    return found if in_order else None
