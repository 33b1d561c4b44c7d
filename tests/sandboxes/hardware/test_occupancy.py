"""Occupancy agrees with NVIDIA's calculator and with the rules of AMD's compiler, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.targets import get_target

KIB = 1024


@pytest.mark.parametrize(
    ("target", "registers", "shared", "threads", "blocks", "fraction", "limit"),
    [
        # 64 warps of 32 registers fill the register file exactly
        ("h200", 32, 0, 128, 16, 1.0, "nothing"),
        # 33 rounds up to 1280 registers per warp: 12 warps per quarter, 48 in all
        ("h200", 33, 0, 128, 12, 0.75, "registers"),
        ("h200", 64, 0, 256, 4, 0.5, "registers"),
        # 255 rounds up to 8192 per warp: 2 warps per quarter
        ("h200", 255, 0, 128, 2, 0.125, "registers"),
        ("h200", 128, 0, 1024, 0, 0.0, "registers"),
        # one warp per block: the limit of 32 blocks
        ("h200", 16, 0, 32, 32, 0.5, "blocks"),
        # 100 + 1 KiB: two in 228 KiB
        ("h200", 32, 100 * KIB, 128, 2, 0.125, "shared memory"),
        ("h200", 32, 227 * KIB, 256, 1, 0.125, "shared memory"),
        ("h200", 32, 227 * KIB + 1, 256, 0, 0.0, "shared memory"),
        # 75 + 1 KiB: exactly three
        ("h200", 32, 75 * KIB, 128, 3, 0.1875, "shared memory"),
        ("h200", 24, 0, 768, 2, 0.75, "threads"),
        ("a100", 32, 163 * KIB, 128, 1, 0.0625, "shared memory"),
        ("a100", 32, 81 * KIB, 128, 2, 0.125, "shared memory"),
        # 48 warps, 24 blocks
        ("l40s", 40, 0, 128, 12, 1.0, "nothing"),
        ("l40s", 16, 0, 32, 24, 0.5, "blocks"),
        ("l40s", 16, 0, 1024, 1, pytest.approx(2 / 3), "threads"),
        # four SIMD units with 512 registers per lane and 8 waves each: 64 registers are the most at which all fit
        ("mi300x", 64, 0, 256, 8, 1.0, "nothing"),
        # 65 round up to 72: 7 waves per unit, 28 in all
        ("mi300x", 65, 0, 256, 7, 0.875, "registers"),
        ("mi300x", 512, 0, 256, 1, 0.125, "registers"),
        ("mi300x", 513, 0, 256, 0, 0.0, "registers"),
        # blocks of two waves need a barrier each, of which there are 16; a single wave needs none
        ("mi300x", 16, 0, 128, 16, 1.0, "nothing"),
        ("mi300x", 16, 0, 64, 32, 1.0, "nothing"),
        # nothing of the 64 KiB is kept by the system
        ("mi300x", 32, 64 * KIB, 256, 1, 0.125, "shared memory"),
        ("mi300x", 32, 16 * KIB, 256, 4, 0.5, "shared memory"),
        ("mi300x", 32, 16 * KIB + 1, 256, 3, 0.375, "shared memory"),
    ],
)
def test_occupancy_by_hand(
    target: str, registers: int, shared: int, threads: int, blocks: int, fraction: float, limit: str
) -> None:
    found = occupancy(get_target(target), registers, shared, threads)
    assert (found.blocks, found.fraction, found.limited_by) == (blocks, fraction, limit)


MI300X = get_target("h200").model_copy(
    update={
        "name": "mi300x",
        "backend": "hip",
        "arch": "gfx942",
        "warp_size": 64,
        "registers_per_multiprocessor": 131_072,
        "registers_per_thread": 512,
        "threads_per_multiprocessor": 2048,
        "threads_per_block": 1024,
        "blocks_per_multiprocessor": 32,
        "shared_per_multiprocessor": 64 * KIB,
        "shared_per_block": 64 * KIB,
    }
)
"""What a compute unit of CDNA3 holds: four SIMD units with 512 registers per lane and 8 waves each, 64 KiB of LDS."""


@pytest.mark.parametrize(
    ("registers", "shared", "threads", "blocks", "fraction", "limit"),
    [
        # 64 of 512 registers per lane: 8 waves on each SIMD unit
        (64, 0, 256, 8, 1.0, "nothing"),
        # 65 rounds up to 72: 7 waves
        (65, 0, 256, 7, 0.875, "registers"),
        (128, 0, 256, 4, 0.5, "registers"),
        # 512 with accumulators: one wave on each
        (512, 0, 256, 1, 0.125, "registers"),
        (512, 0, 512, 0, 0.0, "registers"),
        # nothing is kept back of 64 KiB
        (64, 64 * KIB, 256, 1, 0.125, "shared memory"),
        (64, 32 * KIB, 256, 2, 0.25, "shared memory"),
        (64, 32 * KIB + 1, 256, 1, 0.125, "shared memory"),
        (64, 64 * KIB + 1, 256, 0, 0.0, "shared memory"),
        # 32 blocks of one wave, 16 of two, which need barriers
        (16, 0, 64, 32, 1.0, "nothing"),
        (32, 0, 128, 16, 1.0, "nothing"),
        (32, 0, 192, 10, 0.9375, "threads"),
    ],
)
def test_occupancy_of_cdna3_by_hand(
    registers: int, shared: int, threads: int, blocks: int, fraction: float, limit: str
) -> None:
    found = occupancy(MI300X, registers, shared, threads)
    assert (found.blocks, found.fraction, found.limited_by) == (blocks, fraction, limit)


@given(registers=st.integers(1, 255), shared=st.integers(0, 227 * KIB), warps=st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_needing_more_never_raises_occupancy(registers: int, shared: int, warps: int) -> None:
    target = get_target("h200")
    found = occupancy(target, registers, shared, 32 * warps)
    assert 0 <= found.fraction <= 1
    assert occupancy(target, registers + 1, shared, 32 * warps).blocks <= found.blocks
    assert occupancy(target, registers, shared + 512, 32 * warps).blocks <= found.blocks
