"""AMD's code objects say what a kernel needs; a damaged one is refused, in bounded time."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.hardware.hsaco import read_hsaco
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.code.compiled import compiled

HALF = "*fp16 *fp16 *fp32 i32 i32 i32"


def elf(note: bytes) -> bytes:
    """An ELF file of one section, a note of AMDGPU's metadata."""
    content = struct.pack("<III", 7, len(note), 32) + b"AMDGPU\0\0" + note + bytes(-len(note) % 4)
    header = b"\x7fELF\x02\x01" + bytes(0x28 - 6) + struct.pack("<Q", 0x40 + len(content))
    header += bytes(0x3A - len(header)) + struct.pack("<HH", 64, 1)
    section = struct.pack("<IIQQQQ", 0, 7, 0, 0, 0x40, len(content))
    return header + bytes(0x40 - len(header)) + content + section + bytes(64 - len(section))


@pytest.mark.slow
def test_registers_of_both_kinds_count_and_spills_are_seen() -> None:
    kernel = compiled(kernels.matmul, HALF, "mi300x", tall=256, wide=256, deep=64, precision="tf32")
    usage = read_hsaco(kernel.asm["hsaco"])
    assert (usage.registers, usage.accumulators) == (512, 256)
    assert f"; ScratchSize: {usage.stack_bytes}\n" in kernel.asm["amdgcn"]
    assert usage.stack_bytes > 0


def test_a_small_kernel_needs_few() -> None:
    kernel = compiled(kernels.copy, "*fp32 *fp32 i32", "mi300x", block=256)
    usage = read_hsaco(kernel.asm["hsaco"])
    assert f"; TotalNumVgprs: {usage.registers}\n" in kernel.asm["amdgcn"]
    assert (usage.accumulators, usage.stack_bytes) == (0, 0)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\x80",
        b"\x81\xa4name\xc0",
        b"\x81\xaeamdhsa.kernels\x91\x80",
        b"\x91" * 5000,
        b"\xdd\xff\xff\xff\xff" + b"\xc0" * 200_000,
        b"\x81\xaeamdhsa.kernels\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc1",
    ],
)
def test_hostile_metadata_is_refused(note: bytes) -> None:
    with pytest.raises(ValueError, match="code object"):
        read_hsaco(elf(note))


@given(st.binary(max_size=300))
def test_garbage_is_refused(garbage: bytes) -> None:
    for text in (garbage, b"\x7fELF\x02\x01" + garbage, elf(garbage)):
        with pytest.raises(ValueError, match=r"[Cc]ode object"):
            read_hsaco(text)
