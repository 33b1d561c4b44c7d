"""How many iterations of a loop have loads under way at once.

The compiler issues loads of later iterations ahead: copies of the load stand before the loop, and the loop waits only
for the oldest. There are no more iterations ahead than there are such copies, nor than buffers to hold them. Where the
loop is inside another one (a persistent kernel's, over its tiles), the copies stand in that one.
"""

from collections import Counter, defaultdict

from sandboxes.hardware.code.accesses import access_of
from sandboxes.hardware.code.places import Places
from sandboxes.hardware.code.text import Text
from sandboxes.hardware.code.types import types_in

MOST = 16
"""More is not believed."""
FROM_BUFFERS = frozenset({"ttng.warp_group_dot", "ttng.tc_gen5_mma", "ttng.tc_gen5_mma_scaled"})
"""Products that read their operands from the buffers, which so hold the iteration that computes, too."""


def iterations_in_flight(text: Text, places: Places) -> dict[int, int]:
    """Returns iterations at work at once by the source line of what is loaded in a loop: the one that computes, and
    those whose loads are under way. 1 if loads are waited for where they are.
    """
    copies: defaultdict[tuple[object, ...], Counter[int]] = defaultdict(Counter)
    inside: set[tuple[int, tuple[object, ...], int, tuple[int, ...]]] = set()
    buffers = 0
    for line in text.lines:
        if line.name == "ttg.memdesc_index" and line.looped:
            types = types_in(line.body)
            if types and types[0].size // types[0].shape[0] > 1:
                buffers = max(buffers, types[0].shape[0])
        access = access_of(line)
        if access is None or access[0] != "load":
            continue
        types = types_in(line.body)
        place = places.of(line.place)
        key = (line.name, place, types[0] if types else None)
        copies[key][line.loop] += 1
        if line.looped:
            inside.add((place[0], key, line.loop, line.regions))
    direct = any(line.looped and line.name in FROM_BUFFERS for line in text.lines)
    limit = 1 if not buffers else buffers if direct else buffers + 1
    found: dict[int, int] = {}
    for row, load, loop, regions in inside:
        ahead = sum(copies[load][around] for around in (0, *regions) if around != loop)
        found[row] = max(found.get(row, 1), min(1 + ahead, limit, MOST))
    return found
