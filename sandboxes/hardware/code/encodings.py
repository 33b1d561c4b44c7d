"""Layouts as Triton prints them (`#ttg.blocked<{...}>`), and as what they mean: linear maps over bits.

A distributed layout says which element of a tensor a register of a lane of a warp holds; a shared one where an element
lies. All sizes are powers of two, so a layout is a list of coordinates per bit of the register, lane and warp number
(Triton's `LinearLayout`; Zhou et al., "Linear Layouts", 2025, arXiv:2505.23819): the place of a thread is the exclusive
or of the coordinates of its bits.
"""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

MAX_RANK = 8
MAX_LAYOUT_TEXT = 4096
MAX_DEPTH = 12

Coordinates = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """`#ttg.blocked`."""

    size_per_thread: tuple[int, ...]
    threads_per_warp: tuple[int, ...]
    warps_per_block: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """`#ttg.linear`: a coordinate per bit."""

    register: tuple[Coordinates, ...]
    lane: tuple[Coordinates, ...]
    warp: tuple[Coordinates, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`#ttg.slice`: the parent without an axis."""

    dim: int
    parent: "Distributed"


@dataclass(frozen=True, slots=True)
class NvidiaMma:
    """`#ttg.nvidia_mma`: results of tensor cores; version 2 warp by warp, 3 by groups of four warps."""

    version: int
    warps: tuple[int, ...]
    instruction: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AmdMfma:
    """`#ttg.amd_mfma`: results of matrix cores."""

    warps: tuple[int, ...]
    instruction: tuple[int, ...]
    transposed: bool


@dataclass(frozen=True, slots=True)
class DotOperand:
    """`#ttg.dot_op`: an operand of a product in registers."""

    operand: int
    parent: "Distributed"
    depth: int
    """Neighbours along the depth per thread; 0 for a blocked parent."""


@dataclass(frozen=True, slots=True)
class Swizzled:
    """`#ttg.swizzled_shared`: groups of `vec` elements are permuted within a row by an exclusive or."""

    vec: int
    per_phase: int
    max_phase: int
    order: tuple[int, ...]
    rotating: bool = False
    """`#ttg.amd_rotating_shared`: the permutation goes on from one block of rows to the next."""


@dataclass(frozen=True, slots=True)
class Padded:
    """`#ttg.padded_shared`: after each `intervals[i]` elements there are `paddings[i]` empty ones."""

    intervals: tuple[int, ...]
    paddings: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nvmma:
    """`#ttg.nvmma_shared`: as tensor cores and the copy engine want it; made to have no conflicts."""

    transposed: bool
    """The fastest axis is the last but one."""


@dataclass(frozen=True, slots=True)
class Other:
    """A layout whose places are not known here: tensor memory, whatever comes next."""

    kind: str


Distributed = Blocked | Linear | Slice | NvidiaMma | AmdMfma | DotOperand | Other
Shared = Swizzled | Padded | Nvmma
Encoding = Distributed | Shared

KIND = re.compile(r"#(ttn?g\.\w+)<")
PARENT = re.compile(r"parent = (#.*)$", re.DOTALL)
FIELD = re.compile(r"\b(\w+) = (\[[\[\]\d, -]*\]|-?\d+|true|false)")
NUMBER = re.compile(r"-?\d{1,9}")
PADDING = re.compile(r"(\d{1,9}):\+(\d{1,9})")
WORD = string.ascii_letters + string.digits + "_"
ROW = re.compile(r"\[([\d, ]*)\]")


def read_encoding(text: str, aliases: Mapping[str, str], depth: int = 0) -> Encoding:
    """Returns the layout that `text` means, e.g. `#blocked1` or `#ttg.slice<{dim = 0, parent = #mma}>`.

    Anything that isn't known, or is malformed, is `Other`.
    """
    text = text.strip()
    if depth > MAX_DEPTH or len(text) > MAX_LAYOUT_TEXT:
        return Other("too deep")
    kind = KIND.match(text)
    if kind is None:
        name = text.removeprefix("#")
        return (
            read_encoding(aliases[name], {}, depth + 1)
            if name in aliases and "parent" not in aliases[name]
            else (read_encoding(aliases[name], aliases, depth + 1) if name in aliases else Other(name[:40]))
        )
    parent = PARENT.search(text)
    fields = dict(FIELD.findall(text[: parent.start()] if parent else text))
    try:
        return _made(kind[1], text, fields, parent[1] if parent else "", aliases, depth)
    except (KeyError, ValueError, IndexError):
        return Other(kind[1])


def _made(
    kind: str, text: str, fields: Mapping[str, str], parent: str, aliases: Mapping[str, str], depth: int
) -> Encoding:
    match kind:
        case "ttg.blocked":
            return _checked_blocked(
                Blocked(
                    _sizes(fields["sizePerThread"]),
                    _sizes(fields["threadsPerWarp"]),
                    _sizes(fields["warpsPerCTA"]),
                    _order(fields["order"]),
                )
            )
        case "ttg.linear":
            return Linear(_rows(fields["register"]), _rows(fields["lane"]), _rows(fields["warp"]))
        case "ttg.slice":
            return Slice(int(fields["dim"]), _distributed(parent, aliases, depth))
        case "ttg.nvidia_mma":
            return NvidiaMma(int(fields["versionMajor"]), _sizes(fields["warpsPerCTA"]), _sizes(fields["instrShape"]))
        case "ttg.amd_mfma":
            instruction = _sizes(fields["instrShape"])
            return AmdMfma(_sizes(fields["warpsPerCTA"]), instruction, fields["isTransposed"] == "true")
        case "ttg.dot_op":
            after = re.search(r"kWidth = (\d{1,3})", parent)
            width = int(after[1]) if after else 0
            return DotOperand(int(fields["opIdx"]), _distributed(parent, aliases, depth), width)
        case "ttg.swizzled_shared" | "ttg.amd_rotating_shared":
            vec, per, most = (_power(int(fields[name])) for name in ("vec", "perPhase", "maxPhase"))
            return Swizzled(vec, per, most, _order(fields["order"]), kind == "ttg.amd_rotating_shared")
        case "ttg.nvmma_shared":
            return Nvmma(fields["transposed"] == "true")
        case "ttg.padded_shared":
            pairs = [(int(interval), int(padding)) for interval, padding in PADDING.findall(text)]
            if not pairs or "offset" in text or any(interval < 1 for interval, _ in pairs):
                return Other(kind)
            intervals, paddings = zip(*pairs, strict=True)
            return Padded(intervals, paddings, _order(fields["order"]))
    return Other(kind)


def _distributed(text: str, aliases: Mapping[str, str], depth: int) -> Distributed:
    """The parent at the beginning of `text`, which may go on with more fields."""
    end = _closing(text) if text.startswith("#ttg.") else len(text) - len(text[1:].lstrip(WORD))
    found = read_encoding(text[:end], aliases, depth + 1)
    return Other("shared") if isinstance(found, Shared) else found


def _closing(text: str) -> int:
    """Position after the `>` that closes the first `<`."""
    level = 0
    for position, letter in enumerate(text):
        level += (letter == "<") - (letter == ">")
        if letter == ">" and level == 0:
            return position + 1
    raise ValueError("no end")


def _power(value: int) -> int:
    if not 1 <= value <= 2**20 or value & (value - 1):
        raise ValueError("not a power of two")
    return value


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(_power(int(number)) for number in NUMBER.findall(text))
    if not 1 <= len(sizes) <= MAX_RANK or prod(sizes) > 2**20:
        raise ValueError("sizes out of range")
    return sizes


def _order(text: str) -> tuple[int, ...]:
    order = tuple(int(number) for number in NUMBER.findall(text))
    if sorted(order) != list(range(len(order))) or not 1 <= len(order) <= MAX_RANK:
        raise ValueError("no permutation")
    return order


def _rows(text: str) -> tuple[Coordinates, ...]:
    rows = tuple(tuple(int(number) for number in NUMBER.findall(row)) for row in ROW.findall(text.strip()[1:-1]))
    if len(rows) > 24 or len({len(row) for row in rows}) > 1 or any(not 0 <= x < 2**20 for row in rows for x in row):
        raise ValueError("no bases")
    return rows


def _checked_blocked(layout: Blocked) -> Blocked:
    ranks = {len(layout.size_per_thread), len(layout.threads_per_warp), len(layout.warps_per_block), len(layout.order)}
    if len(ranks) != 1:
        raise ValueError("ranks differ")
    return layout
