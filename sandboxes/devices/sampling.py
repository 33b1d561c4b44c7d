"""Which programs stand for a grid: drawn by the judge, spread over all of its axes.

Grids are often powers of two along x, and programs of one column do the same amount of work (the first tile of every
head of causal attention sees one key block). Equal steps in the linear id would all fall into one column.
"""

from collections.abc import Sequence
from math import prod
from random import Random
from typing import Final

SAMPLED_PROGRAMS: Final = 8
"""Programs that stand for a whole grid."""


def sampled_programs(grid: Sequence[int], seed: int) -> list[int]:
    """Returns linear ids, x fastest, of programs all over a grid: all of a small grid, none of an empty one.

    Each axis is cut into as many equal parts as programs are drawn, and each part is drawn once (a Latin hypercube:
    McKay, Beckman and Conover, Technometrics 21, 1979): every place along an axis is equally likely, and none of its
    ends is left out for long. Where programs coincide, which only small grids have, more are drawn.

    Args:
        grid: Programs along x, y and z.
        seed: The judge's: a kernel can't know which of its programs are drawn.
    """
    total = prod(grid)
    if total <= SAMPLED_PROGRAMS:
        return list(range(total))
    random = Random(f"programs of a sample, {seed}")
    found: set[int] = set()
    while len(found) < SAMPLED_PROGRAMS:
        axes = [_places(size, random) for size in grid]
        for place in zip(*axes, strict=True):
            if len(found) < SAMPLED_PROGRAMS:
                found.add(_linear(place, grid))
    return sorted(found)


def _places(size: int, random: Random) -> list[int]:
    """Returns a place out of each part of an axis, in random order."""
    places = [int((part + random.random()) * size / SAMPLED_PROGRAMS) for part in range(SAMPLED_PROGRAMS)]
    random.shuffle(places)
    return [min(place, size - 1) for place in places]


def _linear(place: Sequence[int], grid: Sequence[int]) -> int:
    x, y, z = place
    return x + grid[0] * (y + grid[1] * z)
