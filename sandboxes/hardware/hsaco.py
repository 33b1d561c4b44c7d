"""Reads registers and spills from a code object of AMD's, an ELF file.

They stand in the note `NT_AMDGPU_METADATA`, MessagePack by kernel (LLVM, "User Guide for AMDGPU Backend", "Code Object
V3 Metadata"). Shared memory is not there: Triton's is asked for at the launch.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ELF_MAGIC: Final = b"\x7fELF\x02\x01"
"""64 bit, little endian."""
NOTE_SECTION: Final = 7
AMDGPU_METADATA: Final = 32
MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 100_000

Packed = dict[str, "Packed"] | list["Packed"] | str | int | float | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HsacoUsage:
    """What one thread of the kernel needs."""

    registers: int
    """Vector registers of both kinds, which share one file from CDNA2 on."""
    accumulators: int
    """Of these, the ones for matrix instructions (AGPRs)."""
    stack_bytes: int
    """Spills and local arrays."""


def read_hsaco(hsaco: bytes) -> HsacoUsage:
    """Returns the largest need of any kernel in `hsaco`.

    Raises:
        ValueError: This is no code object, or it says nothing about registers.
    """
    if not hsaco.startswith(ELF_MAGIC):
        raise ValueError("Not a code object: it does not begin like a 64-bit ELF file.")
    try:
        kernels = [kernel for note in _notes(hsaco) for kernel in _kernels(note)]
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"The code object is cut short or damaged: {error}.") from error
    if not kernels:
        raise ValueError("The code object has no metadata of a kernel.")
    return HsacoUsage(
        registers=max(_number(kernel, ".vgpr_count") for kernel in kernels),
        accumulators=max(_number(kernel, ".agpr_count") for kernel in kernels),
        stack_bytes=max(_number(kernel, ".private_segment_fixed_size") for kernel in kernels),
    )


def _kernels(note: bytes) -> list[dict[str, Packed]]:
    metadata = _Unpacker(note).value()
    listed = metadata.get("amdhsa.kernels") if isinstance(metadata, dict) else None
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [each for each in found if ".vgpr_count" in each]


def _number(kernel: dict[str, Packed], name: str) -> int:
    value = kernel.get(name, 0)
    return value if isinstance(value, int) and value >= 0 else 0


def _notes(hsaco: bytes) -> Iterator[bytes]:
    """Yields the content of notes of AMDGPU's metadata."""
    (table,) = struct.unpack_from("<Q", hsaco, 0x28)
    size, count = struct.unpack_from("<HH", hsaco, 0x3A)
    for index in range(count):
        header = struct.unpack_from("<IIQQQQ", hsaco, table + index * size)
        if header[1] != NOTE_SECTION:
            continue
        position, end = header[4], min(header[4] + header[5], len(hsaco))
        while position + 12 <= end:
            name_size, content_size, kind = struct.unpack_from("<III", hsaco, position)
            name = hsaco[position + 12 : position + 12 + name_size]
            content = position + 12 + (name_size + 3) // 4 * 4
            if kind == AMDGPU_METADATA and name == b"AMDGPU\0":
                yield hsaco[content : content + content_size]
            position = content + (content_size + 3) // 4 * 4


class _Unpacker:
    """Reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), of limited depth and size."""

    NUMBERS: Final = {
        0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
        0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
    }  # fmt: skip
    SIZES: Final = {
        0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I",
        0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I",
    }  # fmt: skip

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._at = 0
        self._items = 0

    def value(self, depth: int = 0) -> Packed:
        """Returns the next value."""
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise ValueError("The code object's metadata is too deep or too large.")
        tag = self._packed[self._at]
        self._at += 1
        if tag < 0x80 or tag >= 0xE0:
            return tag if tag < 0x80 else tag - 0x100
        if tag < 0xC0:
            return self._sized(tag, tag & (0x1F if tag >= 0xA0 else 0x0F), depth)
        if tag in (0xC0, 0xC2, 0xC3):
            return None if tag == 0xC0 else int(tag == 0xC3)
        if tag in self.NUMBERS:
            return self._number(self.NUMBERS[tag])
        if tag in self.SIZES:
            return self._sized(tag, int(self._number(self.SIZES[tag])), depth)
        raise ValueError(f"The code object's metadata has a value of an unknown kind ({tag:#x}).")

    def _number(self, form: str) -> int | float:
        number: int | float = struct.unpack_from(form, self._packed, self._at)[0]
        self._at += struct.calcsize(form)
        return number

    def _sized(self, tag: int, size: int, depth: int) -> Packed:
        if tag & 0xF0 == 0x80 or tag in (0xDE, 0xDF):
            return {str(self.value(depth + 1)): self.value(depth + 1) for _ in range(min(size, MAX_ITEMS))}
        if tag & 0xF0 == 0x90 or tag in (0xDC, 0xDD):
            return [self.value(depth + 1) for _ in range(min(size, MAX_ITEMS))]
        content = self._packed[self._at : self._at + size]
        self._at += size
        return content if tag in (0xC4, 0xC5, 0xC6) else content.decode()
