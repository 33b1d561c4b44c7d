"""Random decisions: where they come from, and how a failing kernel becomes a small one."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Decisions from a source of integers; the first or smallest alternative is the simplest one.

    Args:
        source: ``(low, high) -> n`` with ``low <= n <= high``.
    """

    def __init__(self, source: Callable[[int, int], int]) -> None:
        self._source = source
        self.made: list[int] = []
        """What was decided so far, counted from the smallest alternative."""

    def integer(self, low: int, high: int) -> int:
        """An integer in ``[low, high]``."""
        number = self._source(low, high)
        self.made.append(number - low)
        return number

    def pick(self, alternatives: Sequence[T]) -> T:
        """One of the alternatives."""
        return alternatives[self.integer(0, len(alternatives) - 1)]

    def chance(self, percent: int) -> bool:
        """True in about ``percent`` of a hundred cases."""
        return self.integer(0, 99) >= 100 - percent


def seeded(seed: int, number: int) -> Choices:
    """Uniform decisions; case ``number`` of ``seed`` is always the same one."""
    return Choices(Random(f"{seed}:{number}").randint)


def replayed(decisions: Sequence[int]) -> Choices:
    """The decisions again, as far as they are possible, and the simplest ones after them."""
    left = iter(decisions)
    return Choices(lambda low, high: min(low + next(left, 0), high))


def shrunk(decisions: list[int], fails: Callable[[list[int]], bool], attempts: int = 400) -> list[int]:
    """A shorter or smaller list that still fails: drops runs of decisions, then simplifies single ones."""
    best, tried = list(decisions), 0

    def accepts(candidate: list[int]) -> bool:
        nonlocal best, tried
        tried += 1
        if tried > attempts or not fails(candidate):
            return False
        best = candidate
        return True

    length = len(best)
    while length:
        start = 0
        while start < len(best) and tried < attempts:
            if not accepts(best[:start] + best[start + length :]):
                start += length
        length //= 2
    for position in range(len(best)):
        for smaller in (0, best[position] // 2 if position < len(best) else 0):
            if position < len(best) and smaller < best[position] and tried < attempts:
                accepts([*best[:position], smaller, *best[position + 1 :]])
    return best
