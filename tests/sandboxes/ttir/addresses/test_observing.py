"""What is observed of a launch is what happens when it is executed."""

import time
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandboxes.ttir import Counters, ExecutionOptions, Module, execute, parse
from sandboxes.ttir.addresses import loops, observing
from sandboxes.ttir.addresses.log import AddressLog
from sandboxes.ttir.addresses.observing import observe
from sandboxes.ttir.engine.counters import active_lanes
from tests.sandboxes.ttir import waiting
from tests.sandboxes.ttir.addresses import kernels
from tests.sandboxes.ttir.addresses.full_size import FULL_SIZES, WAVE
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture, fixture_names

F32, I32 = "*fp32", "*i32"


def module(name: str, *types: str, **constants: int) -> Module:
    return parse(ttir_of(getattr(kernels, name), types, **constants))


def watched(program: Module, grid: int, *args: Any, **options: Any) -> AddressLog:
    return observe(program, (grid, 1, 1), args, range(grid), **options)


def counted(program: Module, grid: tuple[int, int, int], args: list[Any]) -> Counters:
    """The counters of an execution, without what only memory shows."""
    counters = execute(program, grid, args, options=ExecutionOptions(count=True)).counters
    for argument in counters.arguments.values():
        argument.unique_bytes_loaded = argument.unique_bytes_stored = 0
    return counters


def lanes_of(log: AddressLog) -> dict[int, list[tuple[Tensor, int]]]:
    """Per operation and program the offsets of active lanes in the order of time, with their weights."""
    found: dict[int, list[tuple[Tensor, int]]] = defaultdict(list)
    count = log.programs.numel()
    for access in log.accesses:
        request = access.request
        full = (access.programs.numel(), *request.shape)
        mask = request.mask()
        active = torch.ones(full, dtype=torch.bool) if mask is None else mask.expand(full)
        offsets = request.offsets().expand(full)
        for row, program in enumerate(access.programs.tolist()):
            found[access.operation * count + program].append((offsets[row][active[row]], access.repeats))
    return found


@pytest.mark.parametrize("name", sorted(set(fixture_names()) & set(LAUNCHES)))
def test_an_observed_launch_counts_what_an_execution_counts_and_writes_nothing(name: str) -> None:
    case, program = LAUNCHES[name](), fixture(name)
    before = [arg.clone() if isinstance(arg, Tensor) else arg for arg in case.args]
    log = observe(program, case.grid, case.args, range(torch.Size(case.grid).numel()))
    for arg, copy in zip(case.args, before, strict=True):
        assert not isinstance(arg, Tensor) or torch.equal(arg.view(torch.uint8), copy.view(torch.uint8))
    counters = counted(program, case.grid, case.args)
    assert log.counters == counters
    assert not log.guessed
    lanes = [0] * len(log.operations)
    for access in log.accesses:
        lanes[access.operation] += active_lanes(access.request, access.programs.numel())
    assert lanes == [memory.lanes for memory in counters.memory]
    assert [operation.argument for operation in log.operations] == [memory.argument for memory in counters.memory]


# -- long loops ------------------------------------------------------------------------------------------------------

WALK = (F32, F32, "i32", "i32", "i32", "i32")


@settings(max_examples=3, deadline=None)
@given(
    count=st.integers(0, 40),
    growth=st.sampled_from([0, 1, 6, 31]),
    inner=st.sampled_from([0, 2, 12]),
    grid=st.integers(1, 6),
    at_once=st.sampled_from([1, 4, 100]),
    seed=st.integers(0, 3),
)
@example(count=40, growth=0, inner=12, grid=2, at_once=100, seed=0)
@example(count=0, growth=31, inner=2, grid=6, at_once=4, seed=0)
def test_a_long_loop_that_advances_evenly_is_told_by_some_iterations(
    count: int, growth: int, inner: int, grid: int, at_once: int, seed: int
) -> None:
    told(count, growth, inner, grid, at_once, seed)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    count=st.integers(0, 150),
    growth=st.sampled_from([0, 0, 1, 6, 31]),
    inner=st.sampled_from([0, 1, 5, 40]),
    grid=st.integers(1, 9),
    at_once=st.sampled_from([1, 4, 100]),
    seed=st.integers(0, 3),
)
def test_any_long_loop_that_advances_evenly_is_told_by_some_iterations(
    count: int, growth: int, inner: int, grid: int, at_once: int, seed: int
) -> None:
    told(count, growth, inner, grid, at_once, seed)


def told(count: int, growth: int, inner: int, grid: int, at_once: int, seed: int) -> None:
    """Asserts that totals are exact, and that what is executed is what happens then, the ends among it."""
    program = module("walk", *WALK, BLOCK=8)
    args = [torch.zeros(2**14), torch.zeros(2**14), 10, count, growth, inner]
    every, some = (_patched(program, grid, args, at_once, seed, whole=whole) for whole in (True, False))
    assert every.counters == counted(program, (grid, 1, 1), args)
    assert some.counters == every.counters
    expected, found = lanes_of(every), lanes_of(some)
    assert expected.keys() == found.keys()
    for key, lanes in found.items():
        there = {tuple(offsets.tolist()) for offsets, _ in expected[key]}
        assert {tuple(offsets.tolist()) for offsets, _ in lanes} <= there
        assert sum(weight for _, weight in lanes) == len(expected[key])
        for end in (0, -1):
            assert torch.equal(lanes[end][0], expected[key][end][0])


def _patched(program: Module, grid: int, args: list[Any], at_once: int, seed: int, *, whole: bool) -> AddressLog:
    """Observes some programs at once; iteration by iteration if asked for."""
    with pytest.MonkeyPatch.context() as patch:
        if whole:
            patch.setattr(loops, "in_a_row", lambda elements: 10**9)
            patch.setattr(loops, "TOGETHER", 10**9)
        memory = observing.observation_plan(program).plan.program_bytes * at_once
        patch.setattr(observing, "MEMORY_BYTES", memory)
        return watched(program, grid, *args, seed=seed)


def test_the_cut_end_of_a_long_row_is_seen() -> None:
    program = module("columns", F32, F32, "i32", "i32", BLOCK=16)
    args = [torch.zeros(3 * 1003), torch.zeros(3), 3, 1003]
    log = watched(program, 3, *args)
    assert log.counters == counted(program, (3, 1, 1), args)
    loads = [a for a in log.accesses if log.operations[a.operation].kind == "load"]
    assert len(loads) < 63 / 3
    assert [active_lanes(a.request, 3) for a in loads] == [48] * (len(loads) - 1) + [3 * (1003 % 16)]


def test_iterations_are_drawn_by_the_seed() -> None:
    program = module("columns", F32, F32, "i32", "i32", BLOCK=16)
    args = [torch.zeros(160_000), torch.zeros(1), 1, 160_000]
    drawn = {
        tuple(int(access.request.offsets()[0, 0]) for access in watched(program, 1, *args, seed=seed).accesses[1:-2])
        for seed in range(4)
    }
    assert len(drawn) == 4


def test_a_loop_that_can_not_be_foretold_is_executed_in_full() -> None:
    program = module("shuffled", F32, F32, "i32", BLOCK=4)
    args = [torch.zeros(200), torch.zeros(200), 90]
    log = watched(program, 2, *args)
    assert log.counters == counted(program, (2, 1, 1), args)
    assert {access.repeats for access in log.accesses} == {1}
    assert len(log.accesses) == 3 * 90


def test_offsets_wrap_however_far_an_iteration_is() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %zero = arith.constant 0 : i32
      %one = arith.constant 1 : i32
      %many = arith.constant 1000 : i32
      %far = arith.constant 1234567891 : i32
      %r:2 = scf.for %i = %zero to %many step %one iter_args(%a = %one, %q = %p) -> (i32, !tt.ptr<i32>) : i32 {
        %o = tt.addptr %q, %a : !tt.ptr<i32>, i32
        tt.store %o, %one : !tt.ptr<i32>
        %b = arith.subi %a, %far : i32
        %c = tt.addptr %q, %i : !tt.ptr<i32>, i32
        %d = tt.addptr %q, %far : !tt.ptr<i32>, i32
        tt.store %c, %one : !tt.ptr<i32>
        scf.yield %b, %d : i32, !tt.ptr<i32>
      }
      %s = tt.addptr %r#1, %r#0 : !tt.ptr<i32>, i32
      tt.store %s, %one : !tt.ptr<i32>
      tt.return } }"""
    args = [torch.zeros(1).int()]
    every, some = (_patched(parse(text), 1, args, 1, 0, whole=whole) for whole in (True, False))
    expected, found = lanes_of(every), lanes_of(some)
    assert len(expected[0]) == 1000 > 50 > len(found[0])
    for key, lanes in found.items():
        assert {int(offsets) for offsets, _ in lanes} <= {int(offsets) for offsets, _ in expected[key]}
        assert int(lanes[-1][0]) == int(expected[key][-1][0])


# -- values ----------------------------------------------------------------------------------------------------------


def dependences(log: AddressLog) -> dict[tuple[str, str], bool]:
    return {(operation.kind, operation.argument): operation.dependent for operation in log.operations}


def test_a_gather_depends_on_what_it_loads_and_follows_it() -> None:
    program = module("embed", I32, F32, F32, "i32", BLOCK=8)
    index = torch.tensor([3, 0, 3, 5], dtype=torch.int32)
    args = [index, torch.zeros(6, 16), torch.zeros(4, 16), 16]
    log = watched(program, 4, *args)
    assert dependences(log) == {("load", "index"): False, ("load", "table"): True, ("store", "out"): False}
    assert not log.guessed
    rows = next(access for access in log.accesses if log.operations[access.operation].argument == "table")
    assert rows.request.offsets()[:, 0].tolist() == (index * 16).tolist()
    hollow = watched(program, 4, *args, hollow=True)
    assert hollow.guessed
    assert dependences(hollow) == dependences(log)


def test_a_loop_whose_end_is_loaded_makes_its_accesses_dependent() -> None:
    program = module("ragged", I32, F32, F32, BLOCK=4)
    args = [torch.tensor([0, 2, 40], dtype=torch.int32), torch.zeros(160), torch.zeros(12)]
    log = watched(program, 3, *args)
    assert dependences(log) == {("load", "lengths"): False, ("load", "x"): True, ("store", "out"): False}
    assert log.counters == counted(program, (3, 1, 1), args)


def test_a_mask_or_a_branch_that_was_loaded_makes_an_access_dependent() -> None:
    program = module("masked_by_values", I32, I32, I32, BLOCK=8)
    args = [torch.tensor([6, 0] * 8, dtype=torch.int32), torch.zeros(16).int(), torch.zeros(16).int()]
    log = watched(program, 2, *args)
    dependent = [operation.dependent for operation in log.operations]
    kinds = [f"{operation.kind} {operation.argument}" for operation in log.operations]
    assert sorted(zip(kinds, dependent, strict=True)) == [
        ("load flags", False), ("load flags", False), ("load x", True), ("load x", True), ("store out", False)
    ]  # fmt: skip
    assert log.counters == counted(program, (2, 1, 1), args)


def test_what_an_atomic_returns_is_a_guess() -> None:
    program = module("ticket", I32, F32, F32, BLOCK=4)
    counter = torch.tensor([2], dtype=torch.int32)
    log = watched(program, 3, counter, torch.zeros(40), torch.zeros(40))
    assert log.guessed
    assert counter.tolist() == [2]
    assert dependences(log) == {("atomic", "counter"): False, ("load", "x"): True, ("store", "out"): True}


def test_programs_that_wait_for_others_do_not_wait_for_ever() -> None:
    program = parse(ttir_of(waiting.look_back, ("*i32",) * 4 + ("i32",), BLOCK=16))
    args = [torch.zeros(100).int(), torch.zeros(100).int(), torch.zeros(7).int(), torch.zeros(7).int(), 100]
    log = watched(program, 7, *args)
    assert log.guessed
    stored = [memory for memory in log.counters.memory if memory.argument == "out"]
    assert [memory.lanes for memory in stored] == [100]


def test_tiles_of_descriptors_are_whole() -> None:
    program = module("tiles", F32, F32, "i32", "i32", "i32", BM=4, BN=16)
    args = [torch.zeros(8, 1000), torch.zeros(8, 1000), 7, 1000, 1000]
    log = watched(program, 2, *args)
    assert all(operation.whole for operation in log.operations)
    assert len(log.accesses) < 63
    assert log.counters == counted(program, (2, 1, 1), args)


# -- full size -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FULL_SIZES))
def test_a_wave_at_full_size_costs_milliseconds_and_no_memory(name: str) -> None:
    launch = FULL_SIZES[name]()
    program, args = launch.module(), launch.args()
    started = time.process_time()
    log = observe(program, launch.grid, args, launch.wave(), hollow=True)
    assert time.process_time() - started < 2  # at home half a second would be much, next to busy neighbours it is not
    assert log.programs.numel() == WAVE
    assert not log.guessed
    assert len(log.accesses) < 100


def test_totals_of_a_full_product_are_exact() -> None:
    launch = FULL_SIZES["matmul"]()
    counters = observe(launch.module(), launch.grid, launch.args(), launch.wave()).counters
    assert counters.flops["dot_f16"] == WAVE * 2 * 128 * 128 * 8192
    assert counters.bytes_loaded == WAVE * 2 * 128 * 8192 * 2
    assert counters.bytes_stored == WAVE * 128 * 128 * 4
