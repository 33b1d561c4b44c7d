"""What is known of addresses and masks along each axis: runs of neighbours, alignment, runs of equal values."""

import re
from dataclasses import dataclass
from math import gcd

HIGHEST = 1 << 40
"""Divisibility of 0."""

TENSOR = re.compile(r"tensor<((?:\d{1,9}x)+)([^<>,]+(?:<[^<>]*>)?)")
ATTRIBUTE = re.compile(r"tt\.(contiguity|divisibility|constancy) = (?:dense<\[?([\d, ]{1,200})\]?>|(\d{1,12}))")


@dataclass(frozen=True, slots=True)
class Axes:
    """Facts along each axis; scalars have one axis."""

    contiguity: tuple[int, ...]
    """Neighbours in a row that differ by one, in aligned groups."""
    divisibility: tuple[int, ...]
    """Power of two that divides the first of each such group; in bytes for addresses."""
    constancy: tuple[int, ...]
    """Neighbours in a row that are equal, in aligned groups."""
    constant: int | None = None
    """The value of all, if it is known."""


def unknown(rank: int) -> Axes:
    """Returns what holds for anything."""
    ones = (1,) * max(rank, 1)
    return Axes(ones, ones, ones)


def power(value: int) -> int:
    """Returns the highest power of two that divides `value`."""
    return min(value & -value, HIGHEST) if value else HIGHEST


def shape_in(text: str, *, last: bool = False) -> tuple[int, ...]:
    """Returns the shape of the first tensor type in `text`, or the last; () for scalars."""
    found = TENSOR.findall(text)
    if not found:
        return ()
    return tuple(int(size) for size in found[-1 if last else 0][0].split("x")[:-1])


def met(a: Axes, b: Axes) -> Axes:
    """Returns what holds for both; a constant is forgotten."""
    if len(a.contiguity) != len(b.contiguity):
        return unknown(len(a.contiguity))
    joined = [tuple(map(gcd, *pair)) for pair in ((a.contiguity, b.contiguity), (a.divisibility, b.divisibility))]
    constancy = tuple(map(gcd, a.constancy, b.constancy))
    return Axes(joined[0], joined[1], constancy)


def hinted(facts: Axes, text: str) -> Axes:
    """Facts as the author promised them: `tl.multiple_of`, `tl.max_contiguous`, specialised parameters."""
    if "tt." not in text:
        return facts
    changed = {}
    for name, values, value in ATTRIBUTE.findall(text):
        numbers = tuple(int(each) for each in (values or value).replace(",", " ").split())
        rank = len(facts.contiguity)
        numbers = numbers * rank if len(numbers) == 1 else numbers
        if len(numbers) == rank and all(0 < number <= HIGHEST for number in numbers):
            changed[name] = tuple(map(power, numbers))
    return Axes(
        changed.get("contiguity", facts.contiguity),
        changed.get("divisibility", facts.divisibility),
        changed.get("constancy", facts.constancy),
        facts.constant,
    )
