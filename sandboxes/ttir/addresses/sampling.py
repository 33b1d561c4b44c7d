"""Which iterations of a long loop are executed, and for how many others each stands.

The first and the last always are, for that is where masks differ. The others are drawn by a seed that no kernel knows:
some in a row, so that what an iteration finds in a cache from the one before is seen, and one elsewhere.
"""

import random
from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

IN_A_ROW: Final = 8
"""Iterations that follow each other: as many accesses of 4 bytes as a sector has room for."""

ELEMENTS: Final = 2**24
"""Elements that the iterations in a row may compute together: some 20 ms on one core."""

APART_IN_A_ROW: Final = 2
"""Iterations that follow each other where every program has an end of its own."""

SMALL: Final = 8
"""Iterations left of a program that are executed one by one."""

Executed = tuple[int, int]
"""An iteration, and how many it stands for."""


def in_a_row(elements: int) -> int:
    """How many iterations that compute so many elements are executed in a row; if it is one, none elsewhere."""
    return min(IN_A_ROW, max(1, ELEMENTS // max(1, elements)))


def together(first: int, last: int, row: int, seed: str) -> list[Executed]:
    """Iterations that all programs execute, in order.

    Args:
        first: The first iteration.
        last: The one after the last.
        row: How many in a row.
        seed: Draws them.
    """
    count = last - first
    if count <= row + 3:
        return [(k, 1) for k in range(first, last)]
    draw = random.Random(seed)
    start = draw.randrange(1, count - row)
    inner = set(range(start, start + row))
    if row > 1:
        inner.add(draw.randrange(1, count - 1))
    share, rest = divmod(count - 2, len(inner))
    weights = [share + (number < rest) for number in range(len(inner))]
    middle = [(first + k, weight) for k, weight in zip(sorted(inner), weights, strict=True)]
    return [(first, 1), *middle, (last - 1, 1)]


def apart(trips: Tensor, seed: str) -> Iterator[tuple[Tensor, Tensor, int]]:
    """Iterations of programs that go round differently often; the totals of each are exact.

    What is left to a program is cut into intervals, the largest first, so that programs are in step for as long as
    they can be. An interval has a size of 8, 32, 128, ... iterations, of which two are executed.

    Args:
        trips: Iterations of each program, at least 1.
        seed: Draws them.

    Yields:
        Iterations of all programs, which programs execute theirs, and how many it stands for.
    """
    draw = random.Random(seed)
    position = torch.ones_like(trips)
    left = (trips - 2).clamp(min=0)
    yield torch.zeros_like(trips), trips >= 1, 1
    size = SMALL
    while size * 4 <= int(left.max()):
        size *= 4
    while size >= SMALL:
        while bool((active := left >= size).any()):
            start = draw.randrange(size - APART_IN_A_ROW + 1)
            for k in range(start, start + APART_IN_A_ROW):
                yield position + k, active, size // APART_IN_A_ROW
            position, left = position + size * active, left - size * active
        size //= 4
    while bool((active := left > 0).any()):
        yield position, active, 1
        position, left = position + 1 * active, left - 1 * active
    yield trips - 1, trips >= 2, 1
