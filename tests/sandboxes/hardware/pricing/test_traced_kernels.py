"""Real kernels, compiled and traced at full size, have the prices that counting says."""

import pytest
import torch

from sandboxes.contracts import Bound
from sandboxes.hardware.facts import LaunchFacts, Unit
from sandboxes.hardware.pricing import DEFAULT, price_launch
from tests.sandboxes.hardware.code import kernels
from tests.sandboxes.hardware.pricing import sources
from tests.sandboxes.hardware.pricing.kernels import H200
from tests.sandboxes.hardware.pricing.traced import traced

STREAM = DEFAULT.dram_share * H200.dram_gb_per_s * 1e3
"""Bytes per microsecond that streaming reaches."""


def floats(count: int) -> torch.Tensor:
    return torch.empty(count)


def test_a_copy_of_512_mb_streams() -> None:
    """256 MB read, 256 MB written."""
    count = 2**26
    facts = traced(kernels.copy, "*fp32 *fp32 i32", (count // 1024,), [floats(count), floats(count), count], block=1024)
    price = price_launch(H200, facts)
    assert price.time_us == pytest.approx(8 * count / STREAM, rel=0.1)
    assert price.bound is Bound.DRAM


@pytest.mark.slow
def test_a_strided_copy_takes_as_long_as_its_sectors() -> None:
    """16 million elements: at stride s of up to 8 the same vector in memory is s times as long, then each its sector.
    What is stored in parts of sectors is read from device memory before: half as much again.
    """
    count = 2**24
    times = {}
    for stride in (1, 2, 4, 8, 16, 32):
        memory = [floats(count * stride) for _ in range(2)]
        facts = traced(sources.strided_copy, "*fp32 *fp32 i32", (count // 1024,), [*memory, stride], block=1024)
        times[stride] = price_launch(H200, facts).time_us
    for stride, time_us in times.items():
        moved = 4 * count * min(stride, 8) * (2 if stride == 1 else 3)
        assert time_us == pytest.approx(moved / STREAM, rel=0.15)
    assert times[32] == pytest.approx(times[8], rel=0.05)
    assert times[8] / times[2] == pytest.approx(4, rel=0.15)


@pytest.mark.slow
def test_a_transpose_by_columns_drowns_in_sectors() -> None:
    """8192 x 8192. In tiles both sides are whole sectors; by columns, each program of 128 loads as many sectors."""
    size = 8192
    memory = [floats(size * size), floats(size * size)]
    tiled = traced(kernels.transpose, "*fp32 *fp32 i32 i32", (256, 256), [*memory, size, size], block=32)
    tall = traced(sources.tall_transpose, "*fp32 *fp32 i32 i32", (64, size), [*memory, size, size], tall=128)
    fast, slow = price_launch(H200, tiled), price_launch(H200, tall)
    assert fast.time_us == pytest.approx(8 * size * size / STREAM, rel=0.1)
    assert slow.time_us > 2 * fast.time_us


@pytest.mark.slow
def test_a_sum_adds_up_in_programs_first() -> None:
    """64 million elements: 16,384 atomics hide behind 61 us of reading; one for each element are 68 ms."""
    count = 2**26
    memory = [floats(count), floats(1)]
    first = price_launch(H200, traced(sources.total, "*fp32 *fp32", (count // 4096,), memory, block=4096))
    each = price_launch(H200, traced(sources.every_element, "*fp32 *fp32", (count // 4096,), memory, block=4096))
    assert first.time_us == pytest.approx(4 * count / STREAM, rel=0.15)
    assert each.bound is Bound.ATOMICS
    assert each.time_us == pytest.approx(count * DEFAULT.atomic_clocks / H200.clock_mhz, rel=0.1)


def multiplied(size: int, tile: tuple[int, int, int], warps: int, stages: int = 3) -> LaunchFacts:
    tall, wide, deep = tile
    halves = [torch.empty(size, size, dtype=torch.float16) for _ in range(2)]
    return traced(
        kernels.matmul, "*fp16 *fp16 *fp32 i32 i32 i32", (size // tall, size // wide),
        [*halves, torch.empty(size, size), size, size, size],
        warps=warps, stages=stages, tall=tall, wide=wide, deep=deep, precision="tf32",
    )  # fmt: skip


@pytest.mark.slow
def test_larger_tiles_multiply_faster() -> None:
    """2 * 4096**3 operations; Triton's own products reach 500 to 700 TFLOP/s on Hopper with the largest tiles."""
    tiles = {(32, 32, 32): 4, (64, 64, 32): 4, (128, 128, 64): 8, (128, 256, 64): 8}
    facts = [multiplied(4096, tile, warps) for tile, warps in tiles.items()]
    assert [fact.dots[0].unit for fact in facts] == [Unit.MMA, Unit.WGMMA, Unit.WGMMA, Unit.WGMMA]
    times = [price_launch(H200, fact).time_us for fact in facts]
    assert times == sorted(times, reverse=True)
    assert 500 < 2 * 4096**3 / times[-1] / 1e6 < 700


@pytest.mark.slow
def test_a_product_that_is_not_pipelined_waits() -> None:
    """128 x 128 with three stages, and with one: every round of 64 is waited for."""
    assert multiplied(4096, (128, 128, 64), 8).rounds == 64
    waiting, pipelined = (price_launch(H200, multiplied(4096, (128, 128, 64), 8, stages)).time_us for stages in (1, 3))
    assert waiting > 1.1 * pipelined


@pytest.mark.slow
def test_splitting_the_depth_fills_the_gpu() -> None:
    """256 x 256 by 65,536: 4 programs against 128."""
    size, depth = 256, 65_536

    def split(parts: int) -> float:
        operands = [torch.empty(size * depth, dtype=torch.float16) for _ in range(2)]
        facts = traced(
            sources.split_matmul, "*fp16 *fp16 *fp32 i32 i32", (2, 2, parts),
            [*operands, floats(size * size), size, depth // parts], warps=8, deep=64, size=128,
        )  # fmt: skip
        return price_launch(H200, facts).time_us

    assert 10 < split(1) / split(32) < 32
