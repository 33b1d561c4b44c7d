"""A change that a counterfactual tries, before it is priced."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandboxes.contracts import Remedy
from sandboxes.hardware.explaining.nodes import ProgramNode

MAX_NAME: Final = 60
"""Characters of a kernel's or an argument's name: Python has no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The same program with some nodes replaced."""

    remedy: Remedy
    node: int
    """Index in the trace of the first node that it changes."""
    other: int | None = None
    line: int | None = None
    text: str
    instead: Mapping[int, ProgramNode | None]
    """By position in the program: what stands there now; None for a node that is gone."""
    between_bytes: float = 0.0
    """Size of what two fused nodes hand over."""


def named(name: str) -> str:
    """Returns a candidate's name in backquotes: one short line of printable characters without backquotes."""
    line = "".join(char if char.isprintable() and char != "`" else "?" for char in name[: MAX_NAME + 1])
    return f"`{line}`" if len(line) <= MAX_NAME else f"`{line[: MAX_NAME - 1]}…`"


def sized(size: float) -> str:
    """Returns a number of bytes with a decimal prefix: `64 MB`, `1.5 kB`."""
    value = float(size)
    for prefix in ("", "k", "M", "G"):
        if value < 999.5 or prefix == "G":
            break
        value /= 1000
    return f"{value:.3g} {prefix}B" if value < 999.5 else f"{value:,.0f} {prefix}B"


def placed(line: int) -> str:
    """Returns where in the source: ` at line 14`; nothing if that is not known."""
    return f" at line {line}" if line > 0 else ""
