"""The numbers of a program that decide how its kernels are launched: what they are, and how they are replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a number decides."""

    TILE = "tile"
    """Elements of a block: a power of two."""
    WARPS = "num_warps"
    STAGES = "num_stages"


class Site(StrEnum):
    """Where a number stands."""

    LAUNCH = "launch"
    """A keyword argument of `kernel[grid](...)`."""
    CONFIG = "config"
    """In a `triton.Config(...)`."""
    GRID = "grid"
    """The divisor of a `cdiv`."""
    ASSIGNED = "assigned"
    """`BLOCK = 64` outside of kernels."""
    PARAMETER = "parameter"
    """A kernel's default, `BLOCK: tl.constexpr = 64`."""
    KERNEL = "kernel"
    """Written into a kernel's own code."""
    IMPLICIT = "implicit"
    """Nowhere yet: a launch that leaves `num_warps` to Triton."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One number of the program."""

    start: int
    """Characters before it."""
    end: int
    kind: Kind
    site: Site
    name: str
    """Of the keyword, key or variable; empty for one that has none."""
    scope: str
    """The function, `Config` or module that it belongs to; numbers of one scope may go together."""
    value: int
    lead: str = ""
    """What goes before an implicit number when it is written."""


def render(source: str, places: Sequence[Place], values: Sequence[int]) -> str:
    """Returns `source` with these values in these places; with their own values it is the same text."""
    parts, end = [], 0
    for place, value in zip(places, values, strict=True):
        if value != place.value:
            parts += [source[end : place.start], place.lead, str(value)]
            end = place.end
    return "".join([*parts, source[end:]])
