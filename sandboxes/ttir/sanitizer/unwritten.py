"""Which elements of which storages nobody has written yet, over a whole replay.

A flag per byte, in the same place as the byte: seen through an integer type of an element's size, flags can be read
and written with the very offsets of the data, whatever views of a storage a kernel is given. Storages are told apart
by identity, which a weak reference keeps from being reused, never by address.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

MAX_FLAG_BYTES: Final = 2**28
"""Memory of all flags together; storages beyond that count as written."""

SCANNED_BYTES: Final = 2**20
"""Flags that are looked at in one go."""

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def flag(size: int) -> Tensor:
    """The flag of a written element of `size` bytes: every byte is 1."""
    return torch.tensor([sum(1 << 8 * byte for byte in range(size))], dtype=_INTEGERS[size])


@dataclass(slots=True)
class _Flags:
    storage: StorageWeakRef
    data: Tensor
    """uint8, one per byte: 1 once it has been written."""
    done: int = 0
    """Bytes from the start that are known to be written: over a replay, looking for more costs one pass in all."""

    def complete(self) -> bool:
        """Whether all of the storage has been written."""
        while self.done < self.data.numel():
            block = self.data[self.done : self.done + SCANNED_BYTES]
            if not bool(block[0]):
                return False
            self.done += block.numel() if bool(block.all()) else int(torch.argmin(block))
        return True


class Unwritten:
    """Remembers memory that was allocated without contents until all of it has been written."""

    def __init__(self) -> None:
        self._flags: dict[int, _Flags] = {}
        self._bytes = 0

    def allocated(self, tensor: Tensor) -> None:
        """A tensor was made by `torch.empty` or kin: nothing of it has been written."""
        storage = tensor.untyped_storage()
        self._sweep()
        known = self._flags.pop(storage._cdata, None)
        if known is not None:
            self._bytes -= known.data.numel()
        size = storage.nbytes()
        if 0 < size <= MAX_FLAG_BYTES - self._bytes:
            reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
            self._flags[storage._cdata] = _Flags(reference, torch.zeros(size, dtype=torch.uint8))
            self._bytes += size

    def written(self, tensor: Tensor) -> None:
        """An operator wrote every element of a view."""
        known = self._flags.get(tensor.untyped_storage()._cdata)
        if known is None or not tensor.numel():
            return
        size = tensor.element_size()
        if size not in _INTEGERS:  # complex128
            self._forget(tensor.untyped_storage()._cdata)
            return
        usable = known.data[: known.data.numel() // size * size].view(_INTEGERS[size])
        usable.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).fill_(flag(size)[0])

    def flags(self, storage: torch.UntypedStorage, size: int) -> Tensor | None:
        """The flags of a storage as seen by elements of `size` bytes; None if all of it has been written."""
        known = self._flags.get(storage._cdata)
        if known is None:
            return None
        if known.complete():
            self._forget(storage._cdata)
            return None
        return known.data[: known.data.numel() // size * size].view(_INTEGERS[size])

    def _forget(self, key: int) -> None:
        self._bytes -= self._flags.pop(key).data.numel()

    def _sweep(self) -> None:
        """Lets go of storages that are gone."""
        gone = [key for key, known in self._flags.items() if known.storage.expired()]  # type: ignore[no-untyped-call]
        for key in gone:
            self._forget(key)
