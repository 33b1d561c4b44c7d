"""Programs that depend on who comes first are found, however the executor happened to order them."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from sandboxes.ttir import ExecutionOptions, Module, Race, Unwritten, execute, parse
from tests.sandboxes.ttir import sanitizer_kernels as kernels
from tests.sandboxes.ttir.frontend import ttir_of

F32, I32 = "*fp32", "*i32"
CHUNKS = [1, 8, 24, 2**20]
"""Elements per chunk: programs one by one, a few at a time, all together."""


def module(name: str, *signature: str, **constexprs: Any) -> Module:
    return parse(ttir_of(getattr(kernels, name), signature, **constexprs))


def line_with(text: str) -> int:
    lines = Path(kernels.__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def race(program: Module, grid: tuple[int, int, int], args: list[Any], chunk: int) -> Race:
    with pytest.raises(Race) as caught:
        execute(program, grid, args, options=ExecutionOptions(chunk_elements=chunk, unwritten=Unwritten()))
    return caught.value


@pytest.mark.parametrize("chunk", CHUNKS)
def test_two_values_stored_to_one_element_are_a_race(chunk: int) -> None:
    fault = race(module("store_own_id", F32, SPREAD=2), (6, 1, 1), [torch.zeros(3)], chunk)
    assert (fault.kind, fault.kernel, fault.argument) == ("race of two stores", "store_own_id", "out")
    assert (fault.offset, fault.limit) == (0, 3)
    assert {fault.program_id, fault.other_id} == {(0, 0, 0), (1, 0, 0)}
    assert fault.location.user_line() == line_with("tl.program_id(0).to(tl.float32)")
    assert fault.other_lines == (fault.location.user_line(),)


def test_a_race_says_who_did_what_where_and_survives_pickling() -> None:
    fault = race(module("store_own_id", F32, SPREAD=2), (6, 1, 1), [torch.zeros(3)], 1)
    line = line_with("tl.program_id(0).to(tl.float32)")
    assert str(fault) == (
        f"race of two stores in kernel 'store_own_id': program (1, 0, 0) at line {line} stores element 0 of argument "
        f"'out', which has 3 elements (lane 0); program (0, 0, 0) of the same launch stores it, too (line {line}), "
        "with another value"
    )
    copy = pickle.loads(pickle.dumps(fault))  # noqa: S301 (our own bytes)
    assert str(copy) == str(fault)
    assert copy.other_id == fault.other_id


@pytest.mark.parametrize("chunk", CHUNKS)
def test_partial_results_stored_to_one_place_are_a_race(chunk: int) -> None:
    program = module("partial_sums_without_atomics", F32, F32, BLOCK=8)
    fault = race(program, (4, 1, 1), [torch.arange(32.0), torch.zeros(1)], chunk)
    assert (fault.kind, fault.argument, fault.offset) == ("race of two stores", "out", 0)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("name", ["shift_in_place", "shift_in_place_back"])
def test_loading_what_a_neighbour_overwrites_is_a_race_in_either_direction(name: str, chunk: int) -> None:
    x = torch.arange(50.0)
    fault = race(module(name, F32, "i32", BLOCK=8), (7, 1, 1), [x, 50], chunk)
    assert (fault.kind, fault.argument, fault.limit) == ("race of a store and a load", "x", 50)
    assert abs(fault.program_id[0] - fault.other_id[0]) == 1
    assert fault.offset in (7, 8)


@pytest.mark.parametrize("chunk", [1, 64, 2**20])
def test_tiles_that_overlap_by_one_row_and_column_are_a_race(chunk: int) -> None:
    x, out = torch.zeros(30, 30), torch.zeros(30, 30)
    program = module("overlapping_tiles", F32, F32, "i32", "i32", BM=8, BN=8, STEP=7)
    fault = race(program, (4, 4, 1), [x, out, 30, 30], chunk)
    assert (fault.argument, fault.limit) == ("out", 900)
    assert fault.offset % 30 % 7 == 0 or fault.offset // 30 % 7 == 0


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_plain_load_of_what_others_add_to_is_a_race(chunk: int) -> None:
    args = [torch.ones(32), torch.zeros(1), torch.zeros(32), 32]
    fault = race(module("total_then_divide", F32, F32, F32, "i32", BLOCK=8), (4, 1, 1), args, chunk)
    assert (fault.kind, fault.argument) == ("race of an atomic update and a load", "total")
    assert fault.program_id != fault.other_id


@pytest.mark.parametrize("chunk", CHUNKS)
def test_clearing_an_element_that_others_add_to_is_a_race(chunk: int) -> None:
    fault = race(module("clear_then_add", F32, F32, BLOCK=8), (4, 1, 1), [torch.ones(32), torch.zeros(1)], chunk)
    assert (fault.kind, fault.argument) == ("race of an atomic update and a store", "total")
    assert (0, 0, 0) in (fault.program_id, fault.other_id)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_indices_that_repeat_in_another_program_are_a_race_and_in_the_same_one_are_not(chunk: int) -> None:
    program = module("scatter", I32, I32, "i32", BLOCK=8)
    index = torch.arange(32, dtype=torch.int32)
    index[1] = index[0]
    options = ExecutionOptions(chunk_elements=chunk, unwritten=Unwritten())
    execute(program, (4, 1, 1), [index, torch.zeros(32, dtype=torch.int32), 32], options=options)
    index[30] = 5
    fault = race(program, (4, 1, 1), [index, torch.zeros(32, dtype=torch.int32), 32], chunk)
    assert (fault.offset, fault.program_id, fault.other_id) in [(5, (3, 0, 0), (0, 0, 0)), (5, (0, 0, 0), (3, 0, 0))]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_two_views_of_one_memory_are_one_memory(chunk: int) -> None:
    memory = torch.zeros(41)
    program = module("add_views", F32, F32, F32, "i32", BLOCK=8)
    fault = race(program, (5, 1, 1), [torch.ones(40), memory[:40], memory[1:], 40], chunk)
    assert fault.kind == "race of a store and a load"
    assert fault.argument in ("y", "out")
    assert fault.limit in (40, 41)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_loading_a_shared_result_without_having_stored_it_is_a_race(chunk: int) -> None:
    program = module("neighbour_of_a_shared_mean", F32, F32, F32, BLOCK=8)
    fault = race(program, (4, 1, 1), [torch.ones(8), torch.zeros(1), torch.zeros(4)], chunk)
    assert (fault.kind, fault.argument, fault.offset) == ("race of a store and a load", "mean", 0)
    assert (0, 0, 0) in (fault.program_id, fault.other_id)


def test_a_race_is_the_same_on_every_run() -> None:
    program = module("scatter", I32, I32, "i32", BLOCK=64)
    index = torch.randint(0, 500, (4096,), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    texts = {
        str(race(program, (64, 1, 1), [index, torch.zeros(500, dtype=torch.int32), 4096], 2**20)) for _ in range(5)
    }
    assert len(texts) == 1
