"""What everybody knows about the memory traffic of classic kernels comes out."""

import os
from typing import Any

import pytest
import torch

from sandboxes.contracts import Resources
from sandboxes.hardware.facts import AccessFacts
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.traffic.examining import Examination, examine
from sandboxes.ttir import parse
from tests.sandboxes.hardware.traffic import kernels
from tests.sandboxes.ttir.frontend import ttir_of

H200 = get_target("h200")
P16, P32 = "*fp16", "*fp32"


def hollow(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor without memory behind it."""
    count = torch.Size(shape).numel()
    file = os.memfd_create("hollow")
    os.ftruncate(file, count * dtype.itemsize)
    path = f"/proc/self/fd/{file}"
    tensor = torch.from_file(path, shared=True, size=count, dtype=dtype)
    os.close(file)
    return tensor


def run(
    kernel: Any,
    signature: tuple[str, ...],
    grid: tuple[int, ...],
    args: list[Any],
    *,
    blocks: int = 2,
    values: bool = False,
    seed: int = 1,
    **constants: int,
) -> Examination:
    """Examines a launch of blocks of 128 threads, so many of them per multiprocessor."""
    resources = Resources(
        registers=64, spill_bytes=0, shared_bytes=0, threads=128, occupancy=blocks / 16, limited_by="registers"
    )
    module = parse(ttir_of(kernel, signature, **constants))
    whole = grid[0], *(*grid[1:], 1, 1)[:2]
    return examine(module, (whole[0], whole[1], whole[2]), args, None, resources, H200, seed=seed, hollow=not values)


def of(found: Examination, argument: str) -> AccessFacts:
    """The facts of the first access through an argument."""
    return next(access for access in found.accesses if access.argument == argument)


def product(
    size: int, group: int = 1, tile: int = 128, parts: int = 1, rows: int | None = None, seed: int = 1
) -> Examination:
    rows = rows or size
    depth = size
    tensors = [hollow(rows, depth, dtype=torch.float16), hollow(depth, rows, dtype=torch.float16), hollow(rows, rows)]
    return run(
        kernels.product,
        (P16, P16, P32, "i32", "i32", "i32"),
        ((rows // tile) ** 2, parts),
        [*tensors, rows, rows, depth],
        tile_m=tile,
        tile_n=tile,
        tile_k=64,
        group_size=group,
        seed=seed,
        parts=parts,
    )


def test_a_product_of_tiles_reads_the_l2_cache_as_often_as_counting_says() -> None:
    for tile in (64, 128):
        found = product(8192, tile=tile)
        read = 32 * (of(found, "a").sectors + of(found, "b").sectors)
        assert read == pytest.approx(8192**3 * (1 / tile + 1 / tile) * 2, rel=1e-6)


def test_a_grouped_order_of_programs_needs_less_device_memory_than_rows_and_neither_less_than_every_byte_once() -> None:
    rows, grouped = (product(8192, group=group) for group in (1, 8))
    moved = [sum(access.dram_bytes for access in found.accesses) for found in (rows, grouped)]
    assert moved[1] < 0.75 * moved[0]
    assert moved[1] > 8192**2 * (2 + 2 + 4)
    assert of(rows, "c").dram_bytes == 8192**2 * 4


def test_a_product_that_fits_into_the_l2_cache_moves_every_byte_once() -> None:
    found = product(2048)
    assert sum(access.dram_bytes for access in found.accesses) == 2048**2 * (2 + 2 + 4)


def test_parts_of_the_depth_meet_at_every_address_of_the_result() -> None:
    found = product(8192, tile=64, parts=16, rows=512)
    atomic = of(found, "c")
    assert atomic.kind == "atomic"
    assert atomic.busiest_address == pytest.approx(16, rel=0.3)
    assert atomic.dram_bytes == 2 * 512**2 * 4


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16])
def test_a_strided_copy_moves_whole_sectors(stride: int) -> None:
    count = 2**22
    found = run(
        kernels.strided_copy,
        (P32, P32, "i32"),
        (count // 1024,),
        [hollow(count * stride), hollow(count), count],
        blocks=16,
        stride=stride,
        block=1024,
    )
    assert of(found, "x").dram_bytes == 4 * count * min(stride, 8)
    assert of(found, "x").distinct_bytes == 4 * count * min(stride, 8)
    assert of(found, "x").l2_sectors == count / 8 * min(stride, 8)
    assert of(found, "y").dram_bytes == 4 * count
    assert of(found, "y").sectors == of(found, "y").least_sectors == count / 8


@pytest.mark.parametrize(("columns", "again"), [(4096, 0.0), (65536, 1.0)])
def test_a_second_pass_over_rows_hits_if_the_rows_of_a_wave_fit(columns: int, again: float) -> None:
    found = run(
        kernels.twice,
        (P32, P32, "i32"),
        (2048,),
        [hollow(2048 * columns), hollow(2048 * columns), columns],
        blocks=4,
        block=2048,
    )
    first, second = (access for access in found.accesses if access.argument == "x")
    assert first.dram_bytes == pytest.approx(2048 * columns * 4, rel=1e-6)
    assert second.dram_bytes == pytest.approx(again * 2048 * columns * 4, rel=1e-6)


def test_few_bins_of_a_histogram_are_busier_than_many() -> None:
    count = 2**20
    values = torch.randint(0, 2**30, (count,), dtype=torch.int32, generator=torch.Generator().manual_seed(0))
    for bins in (1, 16, 2**16):
        found = run(
            kernels.histogram,
            ("*i32", "*i32", "i32"),
            (count // 1024,),
            [values, torch.zeros(bins, dtype=torch.int32), bins],
            blocks=16,
            values=True,
            block=1024,
        )
        busiest = int(torch.bincount(values % bins).max())
        assert busiest / 3 <= of(found, "bins").busiest_address <= 1.3 * busiest
        assert found.dependent_share == pytest.approx(0.5)


def test_programs_that_do_more_are_paid_for_wherever_they_are() -> None:
    programs, busy, much = 2**14, 4, 9
    found = [
        run(
            kernels.lazy,
            (P32, P32, "i32", "i32"),
            (programs,),
            [hollow(2**26), hollow(programs * 256), busy, much],
            blocks=16,
            seed=seed,
            block=256,
        )
        for seed in range(4)
    ]
    loads = [of(each, "x").requested_bytes for each in found]
    expected = programs * 1024 * (1 + (much - 1) / busy)
    assert sum(loads) / len(loads) == pytest.approx(expected, rel=0.15)


def test_the_judges_seed_decides_where_a_kernel_is_watched() -> None:
    def places(seed: int) -> list[int]:
        found = run(
            kernels.strided_copy,
            (P32, P32, "i32"),
            (2**16,),
            [hollow(2**24), hollow(2**24), 2**24],
            seed=seed,
            stride=1,
            block=256,
        )
        return [wave.first for wave in found.waves]

    assert places(1) == places(1)
    assert len({tuple(places(seed)) for seed in range(4)}) == 4


@pytest.mark.parametrize("group", [1, 8])
def test_a_product_touches_its_factors_once_whatever_the_order_of_its_programs(group: int) -> None:
    for seed in range(3):
        found = product(8192, group=group, seed=seed)
        for factor in ("a", "b"):
            touched = found.counters.arguments[factor].unique_bytes_loaded
            assert 0.85 * 8192**2 * 2 <= touched <= 8192**2 * 2
            moved = sum(access.dram_bytes for access in found.accesses if access.argument == factor)
            assert moved >= 0.999 * touched
