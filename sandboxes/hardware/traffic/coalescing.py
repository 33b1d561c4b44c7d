"""Sectors per instruction of a warp: true addresses, true masks, the compiler's assignment of lanes to threads.

A load, store or atomic of a warp moves whole sectors of 32 bytes between its multiprocessor and the L2 cache, each once
however many threads want something of it (CUDA C++ Best Practices Guide, "Coalesced Access to Global Memory").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sandboxes.hardware.traffic.boxes import AT_ONCE, SECTOR_BYTES, Flags, Ints, elements_of
from sandboxes.ttir.memory.addressing import Request

SAMPLED_LANES = 2**17
"""Lanes of one operation that are looked at, at least one execution by one program."""

SAMPLED_LANES_OF_ALL = 2**20
"""The same for all operations of a launch."""

FEWEST_EXECUTIONS = 4
"""Executions of every operation that are looked at, but for huge tensors."""

SAMPLED_EXECUTIONS = 64
"""Executions by single programs that are looked at; operations with small tensors need no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coalescing:
    """What sampled executions of one operation asked for, summed."""

    requested_bytes: float
    requests: float
    """Instructions of warps with at least one active lane."""
    sectors: float
    least_sectors: float
    """If the bytes that an instruction wants lay side by side."""
    cached_sectors: float
    """If sectors that a program asks for several times in one execution went through the first-level cache once."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Threads:
    """Who accesses which lane."""

    lanes: Ints
    """Flat lanes, row-major in the operation's shape: one row per instruction of a warp."""
    repeated: int = 1
    """Warps that do the same."""

    @classmethod
    def of_scalar(cls, kind: str, warps: int) -> "Threads":
        """Returns threads of an access without a tensor: every warp loads, one thread stores."""
        return cls(lanes=np.zeros((1, 1), dtype=np.int64), repeated=warps if kind == "load" else 1)

    @classmethod
    def of_tile(cls, elements: int) -> "Threads":
        """Returns a tile that the copy engine moves with one instruction."""
        return cls(lanes=np.arange(elements, dtype=np.int64)[None, :])


def coalescing(samples: Sequence[tuple[Request, Ints]], threads: Threads) -> Coalescing:
    """Returns what `samples`, requests and rows in them, ask for in instructions of warps and sectors.

    Args:
        samples: Of one operation.
        threads: Its layout.
    """
    sums = np.zeros(5)
    at_once = max(1, AT_ONCE // max(1, threads.lanes.size))
    for request, rows in samples:
        for first in range(0, rows.size, at_once):
            sums += _asked(request, rows[first : first + at_once], threads)
    requested, requests, sectors, least, cached = sums.tolist()
    return Coalescing(
        requested_bytes=requested, requests=requests, sectors=sectors, least_sectors=least, cached_sectors=cached
    )


def _asked(request: Request, rows: Ints, threads: Threads) -> tuple[float, ...]:
    """Returns the numbers of a `Coalescing` for some rows of a request."""
    size = request.buffer.data.element_size()
    address, active = elements_of(request, rows)
    shape = rows.size, *threads.lanes.shape
    wanted = address[:, threads.lanes.ravel()].reshape(-1, shape[-1])
    used = active[:, threads.lanes.ravel()].reshape(-1, shape[-1])
    sectors = wanted // SECTOR_BYTES
    packed = -(-_distinct(wanted, used) * size // SECTOR_BYTES)
    return (
        float(np.count_nonzero(active) * size),
        float(np.count_nonzero(used.any(axis=1))) * threads.repeated,
        float(_distinct(sectors, used).sum()) * threads.repeated,
        float(packed.sum()) * threads.repeated,
        float(_distinct(sectors.reshape(rows.size, -1), used.reshape(rows.size, -1)).sum()),
    )


def executions_to_sample(elements: int, operations: int) -> int:
    """Returns how many executions of an operation with so many lanes to look at, if there are so many operations."""
    own = min(SAMPLED_LANES, SAMPLED_LANES_OF_ALL // operations) // max(1, elements)
    return max(FEWEST_EXECUTIONS if elements <= SAMPLED_LANES else 1, min(SAMPLED_EXECUTIONS, own))


def _distinct(values: Ints, used: Flags) -> Ints:
    """Returns, per row, how many different values there are among those used."""
    low = np.iinfo(np.int64).min
    ordered = np.sort(np.where(used, values, low), axis=1)
    new = np.concatenate([ordered[:, :1] != low, (ordered[:, 1:] != ordered[:, :-1]) & (ordered[:, 1:] != low)], axis=1)
    return np.asarray(np.count_nonzero(new, axis=1), dtype=np.int64)
