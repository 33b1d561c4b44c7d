"""Ranges in addresses: `7` and `1-20`, the numbers of levels, problems or rows, counted from 1."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from kernelgym.errors import BadUsage


@dataclass(frozen=True, slots=True)
class Span:
    """All whole numbers from `first` to `last`; to the end without `last`."""

    first: int = 1
    last: int | None = None

    @classmethod
    def parsed(cls, text: str) -> Self | None:
        """Returns the range that `text` denotes; None if it is none.

        Raises:
            BadUsage: if it is a range of no numbers.
        """
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text, re.ASCII)
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if first < 1:
            raise BadUsage(f"the range {text!r} starts at 0; numbers are counted from 1")
        if last < first:
            raise BadUsage(f"the range {text!r} ends before it starts; give {last}-{first}")
        return cls(first, last)

    @property
    def single(self) -> bool:
        """True if it is one number."""
        return self.first == self.last

    def __contains__(self, number: int) -> bool:
        return self.first <= number and (self.last is None or number <= self.last)

    def __str__(self) -> str:
        return str(self.first) if self.single else f"{self.first}-{self.last or ''}"


def splits(address: str, most: int) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Yields the ways to read `address` as a path with up to `most` ranges behind it, the longest path first.

    A path may itself end in what looks like a range; the caller takes the first way that leads somewhere.

    Raises:
        BadUsage: when a part that is read as a range is one of no numbers.
    """
    path = address
    spans: tuple[Span, ...] = ()
    yield path, spans
    for _ in range(most):
        path, slash, last = path.rpartition("/")
        span = Span.parsed(last) if slash and path else None
        if span is None:
            return
        spans = (span, *spans)
        yield path, spans
