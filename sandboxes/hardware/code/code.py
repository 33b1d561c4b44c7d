"""Compiled code as facts per execution of one program; see `sandboxes.hardware.facts` for those of a whole launch."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from sandboxes.hardware.facts import Unit


class Way(StrEnum):
    """How an access reaches device memory."""

    REGISTERS = "registers"
    ASYNC_COPY = "async_copy"
    """Thread by thread, straight into shared memory."""
    TMA = "tma"
    """Whole tiles, by the copy engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Who accesses what: a distributed layout of a tensor, in the terms of Triton's blocked layouts.

    Along each axis a thread holds `size_per_thread` neighbours, a warp `threads_per_warp` of these, a block
    `warps_per_block` of those; a larger tensor repeats all of it, a smaller one is held several times.
    """

    size_per_thread: tuple[int, ...]
    threads_per_warp: tuple[int, ...]
    warps_per_block: tuple[int, ...]
    order: tuple[int, ...]
    """Axes, fastest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCode:
    """A load, store or atomic in the compiled code."""

    kind: Literal["load", "store", "atomic"]
    line: int
    column: int
    """Of the candidate's source; pairs it with the operation in TTIR."""
    shape: tuple[int, ...]
    element_bytes: int
    way: Way
    lanes: Lanes | None
    """None if it is no blocked layout, or nobody's (`Way.TMA`)."""
    vector: int = 1
    """Neighbouring elements that one instruction of a thread accesses, as the compiler could prove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DotCode:
    """A matrix product in the compiled code."""

    line: int
    column: int
    unit: Unit
    tile: tuple[int, int, int]
    instruction: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCode:
    """One way through shared memory, once per execution."""

    line: int
    column: int
    bytes: int
    """Stored and loaded by a program."""
    conflicts: float
    looped: bool
    """Inside a loop: executed as often as what is on its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What the compiler made of one variant."""

    memory: tuple[MemoryCode, ...] = ()
    dots: tuple[DotCode, ...] = ()
    shared: tuple[SharedCode, ...] = ()
    pipelined: int = 1
    """Iterations at work at once in the loop that has the most: the one that computes, and those whose loads are
    issued ahead; `num_stages` where the compiler could do as asked, 1 if loads are waited for where they are."""
    ahead: tuple[tuple[int, int], ...] = ()
    """The same by the source line of each load in a loop."""
    warp_size: int = 32
    warps: int = 4
