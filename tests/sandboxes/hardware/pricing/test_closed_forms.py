"""Prices of well-known kernels are what counting says, within stated bounds."""

from dataclasses import replace
from itertools import pairwise

import pytest

from sandboxes.contracts import Bound
from sandboxes.hardware.facts import Part
from sandboxes.hardware.pricing import DEFAULT, price_launch
from tests.sandboxes.hardware.pricing.kernels import A100, H100, H200, access, copy, launch, needs, product, transpose

MB = 10**6


@pytest.mark.parametrize("target", [H200, H100, A100], ids=lambda target: target.name)
def test_a_copy_takes_its_bytes_over_what_memory_reaches(target) -> None:
    """256 MB read and 256 MB written: 512 MB at 92 % of the data sheet's bandwidth."""
    price = price_launch(target, copy(256 * 2**20))
    expected_us = 512 * 2**20 / (0.92 * target.dram_gb_per_s * 1e3)
    assert price.time_us == pytest.approx(expected_us, rel=0.1)
    assert price.bound is Bound.DRAM


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16, 32])
def test_a_strided_copy_pays_for_whole_sectors(stride: int) -> None:
    """A sector holds eight float32: at stride s a warp touches s times as many, at 8 and beyond each is its own."""
    near, far = price_launch(H200, copy(128 * 2**20)), price_launch(H200, copy(128 * 2**20, stride))
    assert far.time_us / near.time_us == pytest.approx(min(stride, 8), rel=0.15)


def test_a_naive_transpose_drowns_in_sectors() -> None:
    """8192 x 8192 float32. Tiled: 537 MB through device memory, 122 us. Untiled the L2 cache takes a sector for each
    element stored, 268 + 8 * 268 MB: 265 us at 9.1 TB/s, and device memory still moves 537 MB.
    """
    naive, tiled = price_launch(H200, transpose(8192, False)), price_launch(H200, transpose(8192, True))
    assert tiled.time_us == pytest.approx(122, rel=0.1)
    assert naive.time_us == pytest.approx(265, rel=0.1)
    assert naive.bound is Bound.L2


def test_a_reduction_streams_if_programs_add_up_first() -> None:
    """268 MB read once, 61 us; 16,384 programs add one number each to the result, 17 us that overlap."""
    amount, programs = 2**28, 16_384
    total = access("y", 4.0 * programs, kind="atomic", line=2, distinct=32, busiest_address=programs)
    price = price_launch(H200, launch([access("x", amount), total], programs))
    assert price.time_us == pytest.approx(amount / (0.92 * 4800e3), rel=0.1)
    assert price.bound is Bound.DRAM


def test_atomics_on_one_address_wait_for_each_other() -> None:
    """Four million elements, each added to one number: two clocks each, 4.2 ms; reading them takes 4 us."""
    count = 2**22
    total = access("y", 4.0 * count, kind="atomic", line=2, distinct=32, busiest_address=count)
    price = price_launch(H200, launch([access("x", 4.0 * count), total], count // 1024))
    assert price.time_us == pytest.approx(count * DEFAULT.atomic_clocks / H200.clock_mhz, rel=0.05)
    assert price.bound is Bound.ATOMICS


def test_larger_tiles_make_products_faster() -> None:
    """Operands go through L2 once for every tile in their row or column: 2 * 2 * 4096**3 / tile bytes."""
    tiles = [((16, 16, 32), 4), ((32, 32, 32), 4), ((64, 64, 64), 4), ((128, 128, 64), 8), ((128, 256, 64), 8)]
    times = [price_launch(H200, product(4096, tile, warps=warps)).time_us for tile, warps in tiles]
    assert times == sorted(times, reverse=True)
    assert all(slower > 1.15 * faster for slower, faster in pairwise(times))
    for tile, _ in tiles[:3]:
        moved_us = 4 * 4096**3 / tile[0] / (0.9 * H200.l2_gb_per_s * 1e3)
        parts = price_launch(H200, product(4096, tile)).parts_us
        assert parts[Part.L2] == pytest.approx(moved_us, rel=0.05)


def test_splitting_a_long_product_uses_the_whole_gpu() -> None:
    """256 x 256 with a depth of 65,536: four tiles of 128 x 128 keep 4 of 132 multiprocessors busy, 367 us on their
    tensor cores. Split 32 times, 128 programs take 11.5 us; adding 32 partial results of 256 KB costs a few more.
    """
    size, depth = 256, 65_536
    operand = 2.0 * size * depth

    def split(parts: int):
        facts = product(size, (128, 128, 64), warps=8, rounds=depth / 64 / parts)
        loads = [
            access(name, operand * 2, line=line, distinct=operand, missed=operand)
            for line, name in enumerate(("a", "b"), start=1)
        ]
        kind = "atomic" if parts > 1 else "store"
        stored = access("c", 4.0 * size * size * parts, kind=kind, line=4, distinct=4.0 * size * size)
        flops = 2 * size * size * depth
        made = launch([*loads, replace(stored, busiest_address=float(parts))], 4 * parts, facts.resources,
                      {"bf16": flops}, pipelined=2, rounds=facts.rounds)  # fmt: skip
        return replace(made, dots=(replace(facts.dots[0], flops=float(flops)),))

    whole, parts = price_launch(H200, split(1)), price_launch(H200, split(32))
    assert whole.bound is Bound.OCCUPANCY
    assert whole.time_us > 367
    assert 10 < whole.time_us / parts.time_us < 32


def chasing(registers: int = 32, shared: int = 0, programs: int = 21_120) -> float:
    """Microseconds of programs that each make 256 round trips to the L2 cache, one after the other, 512 bytes at a
    time: about 51 us. There are 160 for each multiprocessor.
    """
    loads = access("x", 512.0 * 256 * programs, distinct=2**20)
    facts = launch([loads], programs, needs(registers, shared), rounds=256.0)
    return price_launch(H200, facts).time_us


def test_registers_cost_occupancy_in_steps() -> None:
    """At 128 threads, 64 registers leave room for 8 programs, 72 for 7, 128 for 4, 255 for 2: waiting takes
    inversely as long; up to the next step nothing changes.
    """
    assert chasing(57) == chasing(64)
    assert chasing(255) / chasing(128) == pytest.approx(2, rel=0.05)
    assert chasing(128) / chasing(64) == pytest.approx(2, rel=0.05)
    assert chasing(72) / chasing(64) == pytest.approx(23 / 20, rel=0.05)  # waves, the last of which is not full


def test_shared_memory_costs_occupancy_in_steps() -> None:
    """228 KiB hold two programs of 112 KiB, each with 1 KiB for the system, and one of 114 KiB."""
    assert chasing(shared=114 * 1024) / chasing(shared=112 * 1024) == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("waves", [1, 2, 8])
def test_one_program_too_many_costs_a_wave(waves: int) -> None:
    """Programs that fill a multiprocessor with arithmetic: a last one alone takes as long as a wave of 132."""
    each = 2**33
    need = needs(255, 200 * 1024, 128)

    def filled(programs: int) -> float:
        return price_launch(H200, launch([], programs, need, {"bf16": each * programs}, pipelined=2)).time_us

    full, one_more = filled(132 * waves), filled(132 * waves + 1)
    assert one_more / full == pytest.approx((waves + 1) / waves, rel=0.02)


def test_streaming_programs_hardly_notice_the_last_wave() -> None:
    """Sixteen resident programs on each of 132 multiprocessors; after nine waves one more program is one trip more."""
    slots = 132 * 16
    full, one_more = (price_launch(H200, copy(4096 * programs)).time_us for programs in (9 * slots, 9 * slots + 1))
    assert one_more - full < 1.5
    assert one_more / full < 1.05


def test_a_busiest_program_is_waited_for() -> None:
    """The causal half of attention: the last program has twice the average work, half of that sticks out."""
    facts = product(4096, (128, 128, 64), warps=8)
    uneven = replace(facts, work=replace(facts.work, uneven_bytes=2.0, uneven_operations=2.0))
    alone = replace(facts, work=replace(facts.work, uneven_bytes=1000.0, uneven_operations=1000.0))
    base = price_launch(H200, facts).time_us
    assert base < price_launch(H200, uneven).time_us < 1.5 * base
    assert price_launch(H200, alone).time_us > 10 * base


def test_what_is_said_of_a_launch_that_waits_for_one_program_is_of_all_of_it() -> None:
    facts = product(4096, (128, 128, 64), warps=8)
    alone = replace(facts, work=replace(facts.work, uneven_bytes=1000.0, uneven_operations=1000.0))
    even, waiting = price_launch(H200, facts).parts_us, price_launch(H200, alone).parts_us
    assert all(waiting[part] >= taken for part, taken in even.items())


def test_loads_that_nothing_pipelines_are_waited_for() -> None:
    """A product of 4096 in tiles of 128 columns or 256: 64 rounds a tile. Without pipelining each is waited for; where
    a multiprocessor holds two programs (128 columns), one computes while the other waits.
    """

    def slower(columns: int) -> float:
        waiting, pipelined = (
            price_launch(H200, product(4096, (128, columns, 64), warps=8, stages=stages)).time_us for stages in (1, 3)
        )
        return waiting / pipelined

    assert 1.2 < slower(128) < slower(256) < 3
