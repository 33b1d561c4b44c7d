"""Advice is the same program with one thing changed, priced again: the right thing, no more than it brings."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sandboxes.contracts import Counterfactual, Remedy
from sandboxes.hardware.explaining.explaining import explain
from sandboxes.hardware.explaining.nodes import ProgramNode
from sandboxes.hardware.facts import DotFacts, SharedFacts, Unit
from sandboxes.hardware.pricing.programs import PricedNode, ProgramPrices
from sandboxes.hardware.work import Work
from tests.sandboxes.hardware.explaining.facts import H200, MB, access, launch, needs, node


def advice(
    *program: ProgramNode, needed: frozenset[int] = frozenset(), tf32: bool = True
) -> tuple[Counterfactual, ...]:
    return explain(H200, program, ProgramPrices(H200), tf32=tf32)


def time_us(*program: ProgramNode) -> float:
    return sum(each.price.time_us for each in ProgramPrices(H200)(program))


GOOD = node(launch(access("load", "x", 256 * MB), access("store", "y", 256 * MB, 12)))


def test_of_a_kernel_that_only_streams_nothing_is_said() -> None:
    assert advice(GOOD) == ()


def test_a_strided_load_is_to_be_coalesced_and_named_with_its_line() -> None:
    strided = access("load", "x", 256 * MB, 14, sectors=64 * MB)
    bad = node(launch(strided, access("store", "y", 256 * MB, 15)), name="transpose_kernel")
    best = advice(bad)[0]
    assert (best.remedy, best.line, best.node) == (Remedy.COALESCE, 14, 0)
    assert best.text == "`transpose_kernel`: coalesce the load of `x` at line 14"
    assert best.saves_us == pytest.approx(time_us(bad) - time_us(GOOD), rel=0.01)
    assert best.node_speedup == pytest.approx(time_us(bad) / time_us(GOOD), rel=0.01)


def test_data_that_is_read_from_device_memory_again_is_to_be_reused() -> None:
    again = access("load", "x", 512 * MB, dram_bytes=512 * MB, distinct_bytes=64 * MB)
    best = advice(node(launch(again, access("store", "y", 64 * MB))))[0]
    assert best.remedy is Remedy.REUSE
    assert "`x`" in best.text
    assert best.saves_bytes == 448 * MB


def dot(unit: Unit, kind: str, flops: float, tile: tuple[int, int, int] = (64, 64, 32)) -> DotFacts:
    return DotFacts(line=20, unit=unit, kind=kind, flops=flops, tile=tile)


def product(unit: Unit, kind: str) -> ProgramNode:
    flops = 10**12
    facts = launch(
        access("load", "x", 64 * MB), access("load", "y", 64 * MB), access("store", "z", 64 * MB),
        flops={kind: flops}, dots=(dot(unit, kind, flops),), lines={20: {kind: float(flops)}},
    )  # fmt: skip
    return node(facts)


def test_a_product_in_float32_is_to_run_on_tensor_cores_if_the_precision_allows_it() -> None:
    best = advice(product(Unit.FMA, "fp32"))[0]
    assert (best.remedy, best.line) == (Remedy.TENSOR_CORES, 20)
    assert best.text == "`kernel`: run the product at line 20 on tensor cores (wgmma) in tf32"
    assert best.node_speedup > 4
    strict = advice(product(Unit.FMA, "fp32"), tf32=False)
    assert all(each.remedy is not Remedy.TENSOR_CORES for each in strict)


def test_a_product_of_tiles_below_16_gets_no_advice_on_tensor_cores() -> None:
    small = product(Unit.FMA, "fp32")
    assert small.launch is not None
    small = replace(small, launch=replace(small.launch, dots=(dot(Unit.FMA, "fp32", 10**12, (8, 64, 32)),)))
    assert all(each.remedy is not Remedy.TENSOR_CORES for each in advice(small))


def test_a_product_of_small_tiles_is_to_use_larger_ones_if_they_fit() -> None:
    facts = launch(
        access("load", "x", 16000 * MB, distinct_bytes=64 * MB, dram_bytes=64 * MB), access("store", "y", 64 * MB),
        flops={"bf16": 10**11}, dots=(dot(Unit.MMA, "bf16", 10**11, (32, 32, 32)),), grid=4096,
    )  # fmt: skip
    best = advice(node(facts))[0]
    assert best.remedy is Remedy.TILES
    assert "64x64 instead of 32x32" in best.text
    crowded = replace(facts, resources=needs(registers=250))
    assert all(each.remedy is not Remedy.TILES for each in advice(node(crowded)))


def test_spilled_registers_are_to_be_kept() -> None:
    facts = launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB), resources=needs(255, spills=800))
    best = advice(node(facts))[0]
    assert best.remedy is Remedy.SPILLS
    assert "800 bytes" in best.text


def test_a_grid_of_few_programs_is_to_be_split() -> None:
    best = advice(node(launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB), grid=8)))[0]
    assert best.remedy is Remedy.BALANCE
    assert "8 programs" in best.text


def test_programs_of_uneven_work_are_to_be_evened() -> None:
    even = launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB), flops={"fp32": 10**10}, grid=132)
    uneven = replace(even, work=replace(even.work, uneven_bytes=20.0, uneven_operations=20.0))
    best = advice(node(uneven))[0]
    assert best.remedy is Remedy.BALANCE
    assert "20.0 times" in best.text
    assert best.saves_us == pytest.approx(time_us(node(uneven)) - time_us(node(even)), rel=0.01)


def test_two_kernels_with_a_large_tensor_between_them_are_to_be_fused() -> None:
    first = node(
        launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB)), "scale_kernel", 0, elementwise=True
    )
    second = node(launch(access("load", "y", 64 * MB), access("store", "z", 64 * MB)), "softmax_kernel", 1)
    best = advice(first, second)[0]
    assert (best.remedy, best.node, best.other) == (Remedy.FUSE, 0, 1)
    assert best.text == "fuse `scale_kernel` into `softmax_kernel`: saves one launch and one round trip of 64 MB"
    assert best.saves_bytes == 128 * MB
    alone = node(launch(access("load", "x", 64 * MB), access("store", "z", 64 * MB)))
    assert best.saves_us == pytest.approx(time_us(first, second) - time_us(alone), rel=0.02)


def test_a_fusion_that_starts_fewer_programs_says_that_this_is_what_it_saves() -> None:
    rows = node(launch(access("load", "x", 16 * MB), access("store", "y", 16_384), grid=4096), "row_sum_kernel", 0)
    second = node(
        launch(access("load", "x", 16 * MB), access("load", "y", 16_384), access("store", "z", 16 * MB), grid=65_536),
        "divide_kernel",
        1,
        elementwise=True,
    )
    fusion = next(each for each in advice(rows, second) if each.remedy is Remedy.FUSE)
    assert fusion.text.startswith("fuse `row_sum_kernel` into `divide_kernel`: saves one launch")
    assert "the start of 61,440 programs" in fusion.text


def test_nothing_small_is_told_beside_something_large() -> None:
    waves = node(launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB), grid=132 * 16 * 2 + 1), "b", 1)
    alone = advice(waves)
    strided = launch(access("load", "z", 64 * MB, sectors=40 * MB), access("store", "u", 64 * MB))
    both = advice(node(strided, "a", 0), waves)
    whole_us = time_us(node(strided, "a", 0), waves)
    assert [each.node for each in alone] == [1]
    assert alone[0].saves_us < 0.05 * whole_us
    assert both[0].saves_us > 0.1 * whole_us
    assert all(each.node == 0 for each in both)


def test_what_others_want_too_is_still_written_after_fusing() -> None:
    first = node(launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB)), "a", 0, elementwise=True)
    second = node(launch(access("load", "y", 64 * MB), access("store", "z", 64 * MB)), "b", 1)
    best = advice(replace(first, needed=frozenset({1})), second)[0]
    assert best.saves_bytes == 64 * MB
    third = node(launch(access("load", "y", 64 * MB), access("store", "u", 64 * MB)), "c", 2)
    assert advice(first, second, third)[0].saves_bytes == 64 * MB


def test_a_sum_of_atomics_is_not_fused_with_what_needs_it() -> None:
    total = access("atomic", "y", 4, busiest_address=100)
    first = node(launch(access("load", "x", 64 * MB), total), "sum", 0)
    second = node(
        launch(access("load", "x", 64 * MB), access("load", "y", 4), access("store", "z", 64 * MB)),
        "scale",
        1,
        elementwise=True,
    )
    assert all(each.remedy is not Remedy.FUSE for each in advice(first, second))


def test_a_pytorch_operator_is_fused_into_the_kernel_that_reads_its_result() -> None:
    call = ProgramNode(
        node=0, name="aten::relu", live=True, elementwise=True, reads={0: 64 * MB}, writes={1: 64 * MB},
        call=Work(read_bytes=64 * MB, written_bytes=64 * MB, requested_bytes=128 * MB, flops={"fp32": 16 * MB}),
    )  # fmt: skip
    second = node(launch(access("load", "y", 64 * MB), access("store", "z", 64 * MB)), "softmax_kernel", 1)
    best = advice(call, second)[0]
    assert (best.remedy, best.node, best.other) == (Remedy.FUSE, 0, 1)


def test_fusing_claims_no_bytes_that_the_cache_has_saved_already() -> None:
    first = node(launch(access("load", "x", 64 * MB), access("store", "y", 16 * MB)), "a", 0, elementwise=True)
    second = node(launch(access("load", "y", 16 * MB), access("store", "z", 64 * MB)), "b", 1)
    plain = ProgramPrices(H200)

    def cached(program: Sequence[ProgramNode]) -> list[PricedNode]:
        return [
            replace(time, cached_bytes=16.0 * MB) if each.name == "b" and 1 in each.reads else time
            for each, time in zip(program, plain(program), strict=True)
        ]

    found = next(each for each in explain(H200, [first, second], cached) if each.remedy is Remedy.FUSE)
    assert found.saves_bytes == 16 * MB
    assert "round trip" not in found.text


def test_a_node_whose_result_nobody_uses_is_to_be_left_out() -> None:
    dead = node(launch(access("load", "x", 64 * MB), access("store", "y", 64 * MB)), "decoy", 1, live=False)
    best = advice(GOOD, dead)[0]
    assert (best.remedy, best.node) == (Remedy.REMOVE, 1)
    assert best.saves_us == pytest.approx(time_us(dead))


def test_an_operator_of_many_passes_is_to_be_replaced() -> None:
    slow = Work(read_bytes=64 * MB, written_bytes=64 * MB, requested_bytes=2000 * MB, launches=5)
    call = ProgramNode(node=3, name="aten::cumsum", live=True, call=slow, reads={0: 64 * MB}, writes={1: 64 * MB})
    best = advice(call)[0]
    assert (best.remedy, best.node) == (Remedy.REPLACE, 3)


def test_all_launches_of_a_kernel_are_changed_together() -> None:
    strided = access("load", "x", 64 * MB, 14, sectors=16 * MB)
    many = [node(launch(strided, access("store", "y", 64 * MB, 15)), "step", index, storages={}) for index in range(60)]
    best = advice(*many)[0]
    assert best.remedy is Remedy.COALESCE
    assert best.text.startswith("`step` (all 60): ")
    assert best.saves_us > 0.02 * time_us(*many)


def test_advice_is_sorted_and_worth_its_while() -> None:
    strided = access("load", "x", 256 * MB, 14, sectors=64 * MB)
    nodes = [
        replace(node(launch(strided, access("store", "y", 256 * MB))), node=index, name=f"k{index}")
        for index in range(12)
    ]
    found = advice(*nodes)
    assert len(found) == 8
    assert [each.saves_us for each in found] == sorted((each.saves_us for each in found), reverse=True)
    assert all(each.saves_us >= 0.02 * time_us(*nodes) for each in found)


@pytest.mark.slow
def test_a_program_of_thousands_of_launches_is_explained_in_bounded_time() -> None:
    strided = access("load", "x", 64 * MB, 14, sectors=16 * MB)
    facts = launch(strided, access("store", "y", 64 * MB, 15))
    many = [node(facts, f"k{index % 5}", index, elementwise=True, storages={}) for index in range(3000)]
    priced = 0
    plain = ProgramPrices(H200)

    def counted(program: Sequence[ProgramNode]) -> list[PricedNode]:
        nonlocal priced
        priced += len(program)
        return plain(program)

    assert explain(H200, many, counted)[0].remedy is Remedy.COALESCE
    assert priced <= 60_000 + 2 * len(many)


def test_names_of_a_candidate_are_one_short_line() -> None:
    name = "k\x1b[31m`\n" + "z" * 500
    strided = access("load", "x", 256 * MB, 14, sectors=64 * MB)
    best = advice(node(launch(strided, access("store", "y", 256 * MB)), name=name))[0]
    assert best.text.isprintable()
    assert len(best.text) < 150


def test_bank_conflicts_and_atomics_are_told_where_they_cost() -> None:
    conflicts = launch(
        access("load", "x", 64 * MB), access("store", "y", 64 * MB),
        shared=(SharedFacts(line=17, bytes=2000 * MB, conflicts=32.0),),
    )  # fmt: skip
    busy = launch(
        access("load", "x", 64 * MB),
        access("atomic", "y", 64 * MB, 18, busiest_address=16e6, distinct_bytes=4, dram_bytes=4),
    )
    assert (advice(node(conflicts))[0].remedy, advice(node(conflicts))[0].line) == (Remedy.BANKS, 17)
    assert (advice(node(busy))[0].remedy, advice(node(busy))[0].line) == (Remedy.ATOMICS, 18)
