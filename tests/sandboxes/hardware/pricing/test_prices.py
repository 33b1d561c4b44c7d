"""The hardware model never promises more than the roofline and ranks kernels as a GPU would."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes.contracts import Bound, Resources, Target
from sandboxes.hardware.occupancy import occupancy
from sandboxes.hardware.pricing import Part, Price, plain, price_aten, roofline_us
from sandboxes.hardware.pricing import price_launch as price_facts
from sandboxes.hardware.targets import TARGETS, get_target
from sandboxes.hardware.work import FLOP_KINDS, FREE, Work

H200 = get_target("h200")
MIB = 2**20


def price_launch(target: Target, work: Work, need: Resources, grid: tuple[int, int, int], num_stages: int = 2) -> Price:
    """The price of a launch of which only totals are known."""
    return price_facts(target, plain(work, need, grid, num_stages))


def needs(
    registers: int = 32, shared: int = 0, threads: int = 128, spills: int = 0, target: Target = H200
) -> Resources:
    found = occupancy(target, registers, shared, threads)
    return Resources(
        registers=registers, spill_bytes=spills, shared_bytes=shared, threads=threads, occupancy=found.fraction,
        limited_by=found.limited_by,
    )  # fmt: skip


def streaming(megabytes: int, flops: Mapping[str, int] | None = None) -> Work:
    half = megabytes * MIB // 2
    return Work(read_bytes=half, written_bytes=half, requested_bytes=2 * half, flops=flops or {})


def product(size: int, rows: int, columns: int, kind: str = "bf16", width: int = 2) -> Work:
    """A square matrix product in tiles of rows x columns."""
    matrix = size * size * width
    loads = matrix * (size // rows + size // columns)
    flops = {kind: 2 * size**3}
    return Work(read_bytes=2 * matrix, written_bytes=matrix, requested_bytes=loads + matrix, flops=flops)


sizes = st.integers(0, 2**34)
works = st.builds(
    Work,
    read_bytes=sizes,
    written_bytes=sizes,
    requested_bytes=sizes,
    flops=st.dictionaries(st.sampled_from(FLOP_KINDS), st.integers(0, 2**44)),
)
resources = st.builds(
    needs,
    registers=st.integers(16, 64),
    shared=st.integers(0, 99 * 1024),
    threads=st.sampled_from([32, 128, 1024]),
    spills=st.sampled_from([0, 64]),
)
grids = st.tuples(st.integers(1, 2**20), st.integers(1, 8), st.just(1))
targets = st.sampled_from(sorted(TARGETS.values(), key=lambda target: target.name))


@given(target=targets, work=works, need=resources, grid=grids)
def test_nothing_beats_the_roofline(target: Target, work: Work, need: Resources, grid: tuple[int, int, int]) -> None:
    for price in (price_launch(target, work, need, grid), price_aten(target, work)):
        assert price.time_us >= price.roofline_us == roofline_us(target, work)
        assert 0 <= price.roofline_fraction <= 1
        assert price.time_us >= target.launch_overhead_us


@given(target=targets, work=works, more=works, need=resources, grid=grids)
def test_more_work_is_never_faster(
    target: Target, work: Work, more: Work, need: Resources, grid: tuple[int, int, int]
) -> None:
    both = Work(
        read_bytes=work.read_bytes + more.read_bytes,
        written_bytes=work.written_bytes + more.written_bytes,
        requested_bytes=work.requested_bytes + more.requested_bytes,
        flops={kind: work.flops.get(kind, 0) + more.flops.get(kind, 0) for kind in FLOP_KINDS},
    )
    slack = 1 - 1e-9
    assert price_launch(target, both, need, grid).time_us >= slack * price_launch(target, work, need, grid).time_us
    assert price_aten(target, both).time_us >= slack * price_aten(target, work).time_us


@given(target=targets, work=works, need=resources, grid=grids, field=st.sampled_from(["dram_gb_per_s", "l2_gb_per_s"]))
def test_more_bandwidth_is_never_slower(
    target: Target, work: Work, need: Resources, grid: tuple[int, int, int], field: str
) -> None:
    better = target.model_copy(update={field: 2 * getattr(target, field)})
    slack = 1 - 1e-9
    assert slack * price_launch(better, work, need, grid).time_us <= price_launch(target, work, need, grid).time_us
    assert price_aten(better, work).time_us <= price_aten(target, work).time_us


def test_a_good_streaming_kernel_ends_near_the_roofline() -> None:
    price = price_launch(H200, streaming(512), needs(), (65_536, 1, 1))
    assert price.bound is Bound.DRAM
    assert 0.75 < price.roofline_fraction < 0.95


def test_a_good_matrix_product_ends_near_the_roofline() -> None:
    """Tiles of 128 x 256: the L2 cache moves 12.9 GB in about the time that tensor cores need for 2 * 8192**3."""
    price = price_launch(H200, product(8192, 128, 256), needs(168, 144 * 1024, 256), (2048, 1, 1))
    assert price.bound in (Bound.COMPUTE, Bound.L2)
    assert price.parts_us[Part.L2] == pytest.approx(price.parts_us[Part.TENSOR], rel=0.1)
    assert 0.6 < price.roofline_fraction < 0.8


def test_no_tensor_cores_are_slower() -> None:
    fast = price_launch(H200, product(4096, 128, 128, "tf32", 4), needs(168, 96 * 1024, 256), (1024, 1, 1))
    slow = price_launch(H200, product(4096, 128, 128, "fp32", 4), needs(168, 96 * 1024, 256), (1024, 1, 1))
    assert slow.time_us > 4 * fast.time_us


def test_small_tiles_drown_in_l2_traffic() -> None:
    large = price_launch(H200, product(4096, 128, 128), needs(168, 96 * 1024, 256), (1024, 1, 1))
    small = price_launch(H200, product(4096, 16, 16), needs(40, 4 * 1024, 128), (65_536, 1, 1))
    assert small.time_us > 3 * large.time_us
    assert small.bound is Bound.L2


def test_one_program_doing_everything_is_slow() -> None:
    many = price_launch(H200, streaming(64), needs(), (8192, 1, 1))
    one = price_launch(H200, streaming(64), needs(), (1, 1, 1))
    assert one.time_us > 50 * many.time_us
    assert one.bound is Bound.OCCUPANCY


def test_tiny_blocks_are_slow() -> None:
    good = price_launch(H200, streaming(256), needs(), (32_768, 1, 1))
    tiny = price_launch(H200, streaming(256), needs(16, 0, 32), (2**20, 1, 1))
    assert tiny.time_us > 1.5 * good.time_us


def test_one_warp_is_no_faster_than_four_at_the_same_work_per_program() -> None:
    four = price_launch(H200, product(4096, 64, 64), needs(96, 48 * 1024, 128), (4096, 1, 1))
    one = price_launch(H200, product(4096, 64, 64), needs(255, 48 * 1024, 32, spills=800), (4096, 1, 1))
    assert one.time_us > 1.2 * four.time_us


def test_spills_are_slow() -> None:
    clean = price_launch(H200, streaming(256), needs(), (32_768, 1, 1))
    spilling = price_launch(H200, streaming(256), needs(spills=256), (32_768, 1, 1))
    assert spilling.time_us > 1.5 * clean.time_us


def test_a_pipelined_loop_hides_its_loads() -> None:
    work, need = product(4096, 128, 128), needs(200, 64 * 1024, 256)
    pipelined = price_launch(H200, work, need, (1024, 1, 1), num_stages=3)
    waiting = price_launch(H200, work, need, (1024, 1, 1), num_stages=1)
    assert waiting.time_us > 1.3 * pipelined.time_us


def test_a_last_wave_of_one_block_costs_as_much_as_a_block() -> None:
    need = needs(255, 200 * 1024, 128)
    each = {"bf16": 2**30}
    exact = price_launch(H200, Work(flops={"bf16": 132 * each["bf16"]}), need, (132, 1, 1))
    tail = price_launch(H200, Work(flops={"bf16": 133 * each["bf16"]}), need, (133, 1, 1))
    assert tail.parts_us[Part.TENSOR] == pytest.approx(2 * exact.parts_us[Part.TENSOR])


def test_a_grid_smaller_than_the_gpu_gets_its_share_of_the_tensor_cores() -> None:
    work = Work(flops={"bf16": 2**40})
    full = price_launch(H200, work, needs(255, 200 * 1024, 128), (132, 1, 1))
    half = price_launch(H200, work, needs(255, 200 * 1024, 128), (66, 1, 1))
    assert half.parts_us[Part.TENSOR] == pytest.approx(2 * full.parts_us[Part.TENSOR])


def test_a_fused_kernel_beats_two() -> None:
    two = 2 * price_aten(H200, streaming(64)).time_us
    assert price_launch(H200, streaming(64), needs(), (8192, 1, 1)).time_us < 0.6 * two


def test_views_and_empty_grids_are_free() -> None:
    assert price_aten(H200, FREE).time_us == 0
    assert price_launch(H200, streaming(1), needs(), (0, 1, 1)).time_us == 0


def test_a_tiny_kernel_is_bound_by_its_launch() -> None:
    work = Work(read_bytes=512, written_bytes=512, requested_bytes=1024)
    for price in (price_launch(H200, work, needs(), (1, 1, 1)), price_aten(H200, work)):
        assert price.bound is Bound.LAUNCH
        assert 1.2 < price.time_us < 5  # in a CUDA graph, 64 KiB take 1.36 us on H200 (see the target)


def test_unknown_kinds_and_negative_work_are_refused() -> None:
    with pytest.raises(ValueError, match="int4"):
        Work(flops={"int4": 1})
    with pytest.raises(ValueError, match="negative"):
        Work(read_bytes=-1)


def test_a_launch_takes_as_long_as_its_busiest_program() -> None:
    even = streaming(64)
    half = replace(even, uneven_bytes=2.0, uneven_operations=2.0)
    one = replace(even, uneven_bytes=4096.0)
    need, grid = needs(), (4096, 1, 1)
    slightly = price_launch(H200, half, need, grid).time_us / price_launch(H200, even, need, grid).time_us
    assert 1 <= slightly < 1.1
    assert price_launch(H200, one, need, grid).time_us > 100 * price_launch(H200, even, need, grid).time_us
