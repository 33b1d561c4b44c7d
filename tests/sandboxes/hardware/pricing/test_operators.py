"""PyTorch's operators take about as long as was published, and cost what their shapes make hard."""

from dataclasses import replace

import pytest

from sandboxes.hardware.pricing import price_aten
from sandboxes.hardware.routine import Product, Routine, RoutineKind
from sandboxes.hardware.targets import get_target
from sandboxes.hardware.work import Work

A100, H100 = get_target("a100"), get_target("h100")


def product(
    rows: int, columns: int, depth: int, kind: str = "bf16", width: int = 2, batch: int = 1
) -> tuple[Work, Routine]:
    shape = Product(rows=rows, columns=columns, depth=depth, batch=batch, kind=kind, element_bytes=width)
    read, written = batch * depth * (rows + columns) * width, batch * rows * columns * width
    flops = {kind: 2 * batch * rows * columns * depth}
    work = Work(read_bytes=read, written_bytes=written, requested_bytes=read + written, flops=flops)
    return work, Routine(kind=RoutineKind.PRODUCT, element_bytes=width, product=shape)


def streaming(mib: int, kind: RoutineKind, **shape: int) -> tuple[Work, Routine]:
    size = mib * 2**20
    return Work(read_bytes=size, written_bytes=size, requested_bytes=2 * size), Routine(kind=kind, **shape)


def tflops(target: str, *shape: object) -> float:
    work, routine = product(*shape)  # type: ignore[arg-type]
    return work.total_flops / price_aten(get_target(target), work, routine=routine).time_us / 1e6


@pytest.mark.parametrize(
    ("target", "size", "kind", "width", "published"),
    [
        ("h100", 2048, "bf16", 2, 661), ("h100", 4096, "bf16", 2, 774), ("h100", 8192, "bf16", 2, 757),
        ("h100", 2048, "tf32", 4, 335), ("h100", 4096, "tf32", 4, 402), ("h100", 8192, "tf32", 4, 372),
        ("h100", 4096, "fp32", 4, 51.9), ("a100", 4096, "fp32", 4, 18.9),
    ],
)  # fmt: skip
def test_large_products_take_as_long_as_published(
    target: str, size: int, kind: str, width: int, published: float
) -> None:
    assert tflops(target, size, size, size, kind, width) == pytest.approx(published, rel=0.12)


def test_a_product_with_one_column_is_bound_by_memory() -> None:
    work, routine = product(8192, 1, 8192)
    price = price_aten(H100, work, routine=routine)
    assert work.dram_bytes / price.time_us / 1e3 == pytest.approx(0.87 * H100.dram_gb_per_s, rel=0.1)


def test_a_deep_product_with_few_tiles_splits_its_depth() -> None:
    work, routine = product(256, 256, 65_536)
    one_tile_each = work.total_flops / 4 / (H100.tflops["bf16"] * 1e6 / H100.multiprocessors)
    assert price_aten(H100, work, routine=routine).time_us < one_tile_each / 4


def test_one_tile_more_than_fits_costs_another_wave() -> None:
    even, odd = product(128 * 12, 256 * 11, 8192), product(128 * 12, 256 * 11 + 8, 8192)
    times = [price_aten(H100, work, routine=routine).time_us for work, routine in (even, odd)]
    assert times[1] > 1.05 * times[0]


def test_factors_that_are_not_aligned_cost_more() -> None:
    work, routine = product(4096, 4096, 4096)
    assert routine.product is not None
    crooked = Product(rows=4096, columns=4096, depth=4096, batch=1, kind="bf16", element_bytes=2, aligned=False)
    slow = price_aten(H100, work, routine=Routine(kind=RoutineKind.PRODUCT, product=crooked))
    assert slow.time_us > 1.3 * price_aten(H100, work, routine=routine).time_us


@pytest.mark.parametrize(("row", "published"), [(1024, 1121), (1152, 616), (2048, 960), (2944, 1164), (12_672, 1446)])
def test_softmax_takes_as_long_as_published(row: int, published: float) -> None:
    size = 4096 * row * 4
    work = Work(read_bytes=size, written_bytes=size, requested_bytes=2 * size, flops={"fp32": 4096 * row * 4})
    routine = Routine(kind=RoutineKind.SOFTMAX, blocks=4096, row=row)
    price = price_aten(A100, work, routine=routine)
    assert 2 * size / price.time_us / 1e3 == pytest.approx(published, rel=0.35)
    assert price.band[0] < 2 * size / published / 1e3 < price.band[1]


def test_a_transposing_copy_of_bytes_takes_as_long_as_published() -> None:
    work, routine = streaming(256, RoutineKind.TRANSPOSING, element_bytes=1)
    assert price_aten(H100, work, routine=routine).time_us == pytest.approx(1980, rel=0.15)


def test_looking_up_single_numbers_costs_whole_sectors() -> None:
    work = Work(read_bytes=2**26, written_bytes=2**26, requested_bytes=2**27)
    scattered = Routine(kind=RoutineKind.GATHER, looked_up=2**24, looked_up_bytes=4, table_bytes=2**33)
    together = Routine(kind=RoutineKind.GATHER, looked_up=2**17, looked_up_bytes=512, table_bytes=2**33)
    times = [price_aten(H100, work, routine=routine).time_us for routine in (scattered, together)]
    assert times[0] > 3 * times[1]


def test_few_rows_do_not_keep_a_gpu_busy() -> None:
    work, few = streaming(256, RoutineKind.SOFTMAX, blocks=8, row=2**23)
    _, many = streaming(256, RoutineKind.SOFTMAX, blocks=2**12, row=2**14)
    assert price_aten(H100, work, routine=few).time_us > 4 * price_aten(H100, work, routine=many).time_us


def test_a_cached_input_saves_no_more_than_its_trip_from_memory() -> None:
    work, routine = streaming(16, RoutineKind.POINTWISE)
    cold, warm = (price_aten(H100, work, routine=routine, cached_bytes=cached).time_us for cached in (0, 2**24))
    trip_us = 2**24 / (0.9 * H100.dram_gb_per_s * 1e3)
    assert 0.5 * trip_us < cold - warm <= trip_us


@pytest.mark.parametrize("kind", list(RoutineKind))
def test_every_kind_of_routine_has_a_price_with_a_band_around_it(kind: RoutineKind) -> None:
    shape = Product(rows=512, columns=512, depth=64, batch=8, kind="bf16", element_bytes=2)
    work = Work(read_bytes=2**22, written_bytes=2**22, requested_bytes=2**23, flops={"bf16": 2**28})
    price = price_aten(H100, work, routine=Routine(kind=kind, blocks=64, row=4096, product=shape))
    assert 0 < price.band[0] < price.time_us < price.band[1]
    assert price.time_us >= price.roofline_us


def test_products_of_little_depth_wait_for_their_stores() -> None:
    """KernelBench, level 1, on an H100: 4.06 ms (problem 7), and 2.59 ms (problem 9)."""
    for depth, published in ((64, 4060), (32, 2590)):
        work, routine = product(32_768, 32_768, depth, "fp32", 4)
        assert price_aten(H100, work, routine=routine).time_us == pytest.approx(published, rel=0.15)


def test_products_of_odd_sizes_lose_less_without_tensor_cores() -> None:
    """KernelBench, level 1, problem 8, on an H100: 6.38 ms."""
    work, routine = product(8205, 5921, 2949, "fp32", 4)
    assert routine.product is not None
    odd = replace(routine, product=replace(routine.product, aligned=False))
    assert price_aten(H100, work, routine=odd).time_us == pytest.approx(6380, rel=0.15)


def test_rows_of_softmax_that_do_not_fit_into_shared_memory_are_loaded_three_times() -> None:
    """KernelBench, level 1, problem 23, on an H100: 8.52 ms for 4096 rows of 393,216."""
    size = 4096 * 393_216 * 4
    work = Work(read_bytes=size, written_bytes=size, requested_bytes=2 * size)
    price = price_aten(H100, work, routine=Routine(kind=RoutineKind.SOFTMAX, blocks=4096, row=393_216))
    assert price.time_us == pytest.approx(8520, rel=0.15)


def test_a_block_of_layer_norm_is_small_however_long_its_row_is() -> None:
    """KernelBench, level 1, problem 40, on an H100: 8.12 ms for 16 rows of 64 x 256 x 256."""
    row = 64 * 256 * 256
    size = 16 * row * 4
    work = Work(read_bytes=size + 2 * row * 4, written_bytes=size, requested_bytes=4 * size)
    price = price_aten(H100, work, routine=Routine(kind=RoutineKind.NORMALISATION, blocks=16, row=row))
    assert price.time_us == pytest.approx(8120, rel=0.25)


def test_a_block_collects_the_statistics_of_a_channel() -> None:
    """KernelBench, level 1, on an H100: 8.77 ms for 64 channels (problem 33), 9.61 ms for 7168 (problem 34)."""
    for batch, blocks, published in ((64, 64, 8770), (112, 7168, 9610)):
        size = batch * 64 * 512 * 512 * 4
        work = Work(read_bytes=2 * size, written_bytes=size, requested_bytes=3 * size, launches=2)
        routine = Routine(kind=RoutineKind.BATCH_NORMALISATION, blocks=blocks, row=size // 4 // blocks)
        assert price_aten(H100, work, routine=routine).time_us == pytest.approx(published, rel=0.25)


@pytest.mark.parametrize(
    ("inputs", "outputs", "window", "published"),
    [
        (32 * 64 * 512**2, 32 * 64 * 511**2, 16, 10_800), (16 * 32 * 128**3, 16 * 32 * 62**3, 27, 3930),
        (64 * 128 * 65_536, 64 * 128 * 65_537, 8, 5470), (16 * 64 * 2048**2, 16 * 64 * 186**2, 121, 6400),
        (16 * 32 * 128**2 * 256, 16 * 32 * 64**2 * 128, 27, 8690),
    ],
)  # fmt: skip
def test_pools_take_as_long_as_published(inputs: int, outputs: int, window: int, published: float) -> None:
    """KernelBench, level 1, problems 42 to 46, on an H100."""
    work = Work(
        read_bytes=4 * inputs,
        written_bytes=4 * outputs,
        requested_bytes=4 * (inputs + outputs),
        flops={"fp32": outputs * window},
    )
    price = price_aten(H100, work, routine=Routine(kind=RoutineKind.POOLING))
    assert price.time_us == pytest.approx(published, rel=0.25)
