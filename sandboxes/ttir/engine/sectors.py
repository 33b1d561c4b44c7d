"""Which memory a kernel touched, in sectors: device memory moves 32 bytes at a time.

A load of every second int16 costs as much as a load of everything between, and memory that is read as several element
sizes is read once.
"""

from math import log
from typing import Final

import torch
from torch import Tensor

from sandboxes.ttir.engine.machine import Machine
from sandboxes.ttir.engine.values import Buffer, expand_together
from sandboxes.ttir.ir import Location
from sandboxes.ttir.memory.addressing import Request, layout
from sandboxes.ttir.memory.transfers import write_lanes

SECTOR_BYTES: Final = 32

MAX_FLAGS: Final = 2**26
"""Elements of a buffer up to which each has a flag that says whether it was touched."""

SHARED_FLAGS: Final = 2**26
"""Flags of a larger buffer; each sector has one of them, chosen by a hash."""

Key = tuple[int, str]
"""A buffer's index, and `load` or `store`."""


class Sectors:
    """Collects the sectors that the programs of one execution touch.

    Args:
        buffers: One per pointer argument.
    """

    def __init__(self, buffers: list[Buffer]) -> None:
        self._buffers = buffers
        self._flags: dict[Key, dict[int, Buffer]] = {}
        self._folded: dict[Key, Tensor] = {}

    def touch(self, machine: Machine, request: Request, kind: str, location: Location) -> None:
        """Takes note of one access of the active programs."""
        buffer = request.buffer
        key = (buffer.index, kind)
        if buffer.data.numel() > MAX_FLAGS:
            self._fold(request, key)
            return
        by_size = self._flags.setdefault(key, {})
        size = buffer.data.element_size()
        if size not in by_size:
            flags = torch.zeros(buffer.data.numel(), dtype=torch.bool)
            by_size[size] = Buffer(buffer.name, buffer.index, flags, buffer.origin, True)
        unique = Request(by_size[size], request.terms, request.masks, request.shape)
        mark = torch.ones([1] * (1 + len(request.shape)), dtype=torch.bool)
        write_lanes(machine, unique, layout(unique), mark, location)

    def bytes(self) -> dict[Key, int]:
        """Returns the bytes of all touched sectors, at most the whole buffer."""
        found = {key: self._flagged(key) + self._shared(key) for key in self._flags.keys() | self._folded.keys()}
        return {key: min(count * SECTOR_BYTES, self._size(key)) for key, count in found.items()}

    def _size(self, key: Key) -> int:
        data = self._buffers[key[0]].data
        return data.numel() * data.element_size()

    def _flagged(self, key: Key) -> int:
        touched = torch.zeros(-(-self._size(key) // SECTOR_BYTES), dtype=torch.bool)
        for size, flags in self._flags.get(key, {}).items():
            in_sector = SECTOR_BYTES // size
            whole = flags.data.numel() // in_sector
            touched[:whole] |= flags.data[: whole * in_sector].view(-1, in_sector).any(dim=1)
            touched[whole:] |= flags.data[whole * in_sector :].any()
        return int(torch.count_nonzero(touched))

    def _fold(self, request: Request, key: Key) -> None:
        """Remembers which sectors of a huge buffer were touched, in flags that several share."""
        offsets, mask = request.offsets(), request.mask()
        if mask is not None:
            offsets, mask = expand_together(offsets, mask)
            offsets = offsets[mask]
        if key not in self._folded:
            self._folded[key] = torch.zeros(SHARED_FLAGS, dtype=torch.bool)
        sectors = offsets.reshape(-1) * request.buffer.data.element_size() // SECTOR_BYTES
        self._folded[key][_hashed(sectors)] = True

    def _shared(self, key: Key) -> int:
        return _counted(self._folded[key]) if key in self._folded else 0


def _hashed(numbers: Tensor) -> Tensor:
    """Returns for each sector one of the shared flags, as good as at random (the mixing of SplitMix64)."""
    mixed = numbers * -7046029254386353131
    mixed = (mixed ^ (mixed >> 32)) * -4658895280553007687
    return (mixed ^ (mixed >> 32)) & (SHARED_FLAGS - 1)


def _counted(flags: Tensor) -> int:
    """Returns how many sectors set these flags, if each chose its flag at random (linear counting)."""
    free = flags.numel() - int(torch.count_nonzero(flags))
    return round(flags.numel() * log(flags.numel() / max(free, 1)))
