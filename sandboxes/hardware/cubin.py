"""Reads registers and stack from a cubin's ELF headers.

The same numbers as `cuobjdump -res-usage` prints, without starting a process (30 µs instead of several ms). They stand
in section `.nv.info` as attributes `EIATTR_REGCOUNT` and `EIATTR_MIN_STACK_SIZE`, one pair per function.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

REGISTER_COUNT = 0x2F
MIN_STACK_SIZE = 0x12
SIZED_VALUE = 4
"""Attribute format with a 16-bit length and a payload; all others hold their value in those 16 bits."""

ELF_MAGIC = b"\x7fELF\x02\x01"
"""64 bit, little endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CubinUsage:
    """What one thread of the kernel needs."""

    registers: int
    stack_bytes: int
    """Spills and local arrays."""


def read_usage(cubin: bytes) -> CubinUsage:
    """Returns the largest need of any function in `cubin`.

    Raises:
        ValueError: This is not a cubin, or it says nothing about registers.
    """
    registers = stack = 0
    try:
        for attribute, value in _attributes(_section(cubin, b".nv.info")):
            if attribute == REGISTER_COUNT:
                registers = max(registers, value)
            elif attribute == MIN_STACK_SIZE:
                stack = max(stack, value)
    except struct.error as error:
        raise ValueError(f"The cubin is cut short: {error}.") from error
    if not registers:
        raise ValueError("The cubin has no register count in its section `.nv.info`.")
    return CubinUsage(registers=registers, stack_bytes=stack)


def _section(cubin: bytes, name: bytes) -> bytes:
    """Returns the content of the first section called `name`; empty if there is none."""
    if not cubin.startswith(ELF_MAGIC):
        raise ValueError("Not a cubin: it does not begin like a 64-bit ELF file.")
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count, names = struct.unpack_from("<HHH", cubin, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", cubin, table + index * size) for index in range(count)]
    for header in headers:
        start = headers[names][4] + header[0]
        if cubin[start : start + len(name) + 1] == name + b"\0":
            return cubin[header[4] : header[4] + header[5]]
    return b""


def _attributes(info: bytes) -> Iterator[tuple[int, int]]:
    """Yields (attribute, value) of the attributes whose payload is a symbol index and one 32-bit value."""
    position = 0
    while position < len(info):
        form, attribute, size = struct.unpack_from("<BBH", info, position)
        position += 4
        if form != SIZED_VALUE:
            continue
        if size == 8:
            yield attribute, struct.unpack_from("<II", info, position)[1]
        position += size
