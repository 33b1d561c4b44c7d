"""Device memory for whatever kernels may touch: every value lies between guards that are looked at afterwards.

A GPU says nothing about a store beyond a tensor as long as the address is somebody's. So all addresses near a value
are ours: they hold a secret pattern, and a store into it shows. Loads can't be seen; they find the pattern, which is no
number to rely on.

A slot is one set of addresses. Several of them let a program run again and again without ever finding what it left
behind last time.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch.utils.dlpack import from_dlpack

from sandboxes.contracts import TensorSpec
from sandboxes.contracts.case import DTYPE_BYTES
from sandboxes.devices.cuda.errors import GpuError, GpuFault
from sandboxes.devices.cuda.gpu import Gpu
from sandboxes.replay import poison

ROW_BYTES: Final = 4096
"""Values begin at multiples of it."""

GUARD_BYTES: Final = 16 * ROW_BYTES
"""Between two values, before the first and behind the last, at least."""

MORE_ROWS: Final = 16
"""At most so many more, drawn for each guard: how far it is from one value to another can't be known beforehand, so who
jumps over a guard lands in the next one."""

LONGEST_BYTES: Final = GUARD_BYTES + (MORE_ROWS + 1) * ROW_BYTES
"""No guard is longer."""

NOISE_BYTES: Final = 2**20
"""Of which each row of the pattern is a part that begins somewhere else: a kernel that copies too much, from behind one
tensor to behind another, must not copy the pattern."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies, in bytes from the beginning of its slot."""

    name: str
    start: int
    end: int


def slot_bytes(sizes: Iterable[int]) -> int:
    """Returns the size of a slot for values of these sizes, in bytes."""
    guard = GUARD_BYTES + MORE_ROWS * ROW_BYTES
    return guard + sum(_rows(size) * ROW_BYTES + guard for size in sizes)


class Slot:
    """One set of addresses.

    Args:
        memory: Its bytes, a multiple of `ROW_BYTES`.
        noise: Secret bytes, on the same device.
    """

    def __init__(self, memory: torch.Tensor, noise: torch.Tensor) -> None:
        self._memory = memory
        self._noise = noise.unfold(0, ROW_BYTES, 1)
        rows = memory.numel() // ROW_BYTES
        generator = torch.Generator().manual_seed(secrets.randbits(63))
        self._begins = torch.randint(len(self._noise), (rows,), generator=generator).to(memory.device)
        self._places: list[Place] = []
        self._empties: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        self._used = 0
        self._guards: tuple[torch.Tensor, torch.Tensor] | None = None
        self.clear()

    def clear(self) -> None:
        """Forgets all values; their tensors must not be used any more."""
        self._places.clear()
        self._empties.clear()
        self._used = 0
        self._guards = None
        self._extend(_drawn_guard())

    def place(self, name: str, tensor: torch.Tensor, size: int | None = None) -> torch.Tensor:
        """Returns a copy of a tensor, from wherever it is, with its storage and its layout.

        Args:
            name: How to call it in messages, e.g. `input 0`.
            tensor: What to copy.
            size: Bytes of its storage that are copied, from the start; None copies all.
        """
        source = _bytes(tensor)[:size]
        block = self._take(name, source.numel())
        block.copy_(source)
        return _typed(block, tensor.dtype, int(tensor.storage_offset()), tensor.shape, tensor.stride())

    def empty(self, name: str, spec: TensorSpec) -> torch.Tensor:
        """Returns memory for a tensor that nobody has written: poisoned, now and by every `poison`."""
        size = spec.extent * DTYPE_BYTES[spec.dtype] if spec.numel else 0
        block = self._take(name, size)
        tensor = _typed(block, getattr(torch, spec.dtype), spec.offset, spec.shape, spec.stride)
        empty = tensor, block if size > spec.bytes else None
        _poison(*empty)
        self._empties.append(empty)
        return tensor

    def poison(self) -> None:
        """Fills all that `empty` has returned with what can't pass for results."""
        for empty in self._empties:
            _poison(*empty)

    def holds(self, tensor: torch.Tensor) -> bool:
        """True if a tensor lies here."""
        start = self._memory.data_ptr()
        return start <= tensor.untyped_storage().data_ptr() < start + self._memory.numel()

    def check(self) -> None:
        """Looks at all guards.

        Raises:
            GpuError: `GUARD`: one was overwritten; which value's, and how far from it, is said.
        """
        rows, first = self._guard_rows()
        found = self._memory.view(-1, ROW_BYTES)[rows] != self._pattern(rows)
        found &= torch.arange(ROW_BYTES, device=found.device) >= first[:, None]
        if bool(found.any()):
            at = (rows[:, None] * ROW_BYTES + torch.arange(ROW_BYTES, device=found.device))[found]
            raise GpuError(GpuFault.GUARD, self._words(at.tolist()))

    def _guard_rows(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the rows that are guards at least in part, and from which byte on they are."""
        if self._guards is None:
            ends = [0, *(place.end for place in self._places)]
            starts = [*(place.start for place in self._places), self._used]
            rows: list[int] = []
            first: list[int] = []
            for end, start in zip(ends, starts, strict=True):
                own = range(end // ROW_BYTES, start // ROW_BYTES)
                rows += own
                first += [end % ROW_BYTES, *[0] * (len(own) - 1)]
            device = self._memory.device
            self._guards = torch.tensor(rows, device=device), torch.tensor(first, device=device)
        return self._guards

    def _words(self, at: Sequence[int]) -> str:
        """Says whose guard it is: the value's that is nearest to any of the bytes."""
        behind = [(min(byte - place.end for byte in at if byte >= place.end), place, True) for place in self._places
                  if at[-1] >= place.end]  # fmt: skip
        before = [(min(place.start - 1 - byte for byte in at if byte < place.start), place, False)
                  for place in self._places if at[0] < place.start]  # fmt: skip
        if not behind and not before:
            return "a kernel wrote where no tensor is"
        _, nearest, after = min(behind + before, key=lambda item: item[0])
        near = [byte - nearest.end if after else nearest.start - 1 - byte for byte in at]
        own = [each for each in near if 0 <= each < LONGEST_BYTES]
        side = "behind the end" if after else "before the beginning"
        return (
            f"a kernel wrote {side} of {nearest.name}, which has {nearest.end - nearest.start} bytes: "
            f"{max(own) + 1} bytes away at the most"
        )

    def _take(self, name: str, size: int) -> torch.Tensor:
        """Returns the next `size` bytes as a tensor of its own, with a guard behind them."""
        start = self._used
        end = start + size
        rest = _rows(size) * ROW_BYTES - size
        if end + rest + GUARD_BYTES > self._memory.numel():
            free = self._memory.numel() - self._used - GUARD_BYTES
            raise GpuError(GpuFault.OUT_OF_MEMORY, f"{name} takes {size} bytes, the arena has {max(free, 0)} left")
        self._used = end
        self._extend(min(rest + _drawn_guard(), self._memory.numel() - end))
        self._places.append(Place(name, start, end))
        self._guards = None
        if size == 0:  # an address that is nobody's
            return torch.empty(0, dtype=torch.uint8, device=self._memory.device)
        # the only public way to a storage that ends where the value does
        alone: torch.Tensor = from_dlpack(self._memory[start:end])
        return alone

    def _extend(self, size: int) -> None:
        """Writes the pattern into the next `size` bytes."""
        start, end = self._used, self._used + size
        rows = torch.arange(start // ROW_BYTES, -(-end // ROW_BYTES), device=self._memory.device)
        self._memory[start:end] = self._pattern(rows).flatten()[start % ROW_BYTES :][:size]
        self._used = end

    def _pattern(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns what rows hold where they are guards."""
        return self._noise[self._begins[rows]]


class Arena:
    """Slots in one block of device memory.

    Args:
        gpu: Whose memory.
        size_bytes: Of each slot; see `slot_bytes`.
        slots: How many.

    Raises:
        GpuError: `OUT_OF_MEMORY`: the GPU has not as much.
    """

    def __init__(self, gpu: Gpu, size_bytes: int, slots: int = 1) -> None:
        self.slot_bytes = _rows(size_bytes) * ROW_BYTES
        memory = gpu.memory(self.slot_bytes * slots)
        noise = torch.frombuffer(bytearray(secrets.token_bytes(NOISE_BYTES)), dtype=torch.uint8).to(gpu.device)
        self._slots = [Slot(part, noise) for part in torch.split(memory, self.slot_bytes)]

    def __len__(self) -> int:
        return len(self._slots)

    def slot(self, number: int) -> Slot:
        """Returns a slot; numbers count on, round and round."""
        return self._slots[number % len(self._slots)]

    def check(self) -> None:
        """Looks at the guards of all slots.

        Raises:
            GpuError: As `Slot.check`.
        """
        for slot in self._slots:
            slot.check()


def _drawn_guard() -> int:
    return GUARD_BYTES + secrets.randbelow(MORE_ROWS + 1) * ROW_BYTES


def _poison(tensor: torch.Tensor, gaps: torch.Tensor | None) -> None:
    """Fills a tensor, and before that its memory if there are gaps in it: a kernel may keep something in these."""
    if gaps is not None:
        gaps.fill_(0xFF)
    poison(tensor)


def _rows(size: int) -> int:
    return -(-size // ROW_BYTES)


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the whole storage of a tensor."""
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(tensor.untyped_storage())


def _typed(
    block: torch.Tensor, dtype: torch.dtype, offset: int, shape: Sequence[int], stride: Sequence[int]
) -> torch.Tensor:
    typed = torch.empty(0, dtype=dtype, device=block.device)
    return typed.set_(block.untyped_storage(), offset, tuple(shape), tuple(stride))
