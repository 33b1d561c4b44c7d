"""Honest kernels are never accused: fixtures, and whatever looks like a race but is none.

`test_workloads.py` keeps that true for the benchmarked kernels, `test_core_solutions.py` for the bundled solutions.
"""

from typing import Any

import pytest
import torch

from sandboxes.ttir import ExecutionOptions, Module, Unwritten, accesses, execute
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import VERSIONS, fixture, fixture_names
from tests.sandboxes.ttir.test_sanitizer_races import CHUNKS, F32, I32, module


def run(program: Module, grid: tuple[int, int, int], args: list[Any], chunk: int, *fresh: torch.Tensor) -> None:
    """Runs it sanitized; what it only stores to, and `fresh`, was never written before."""
    unwritten = Unwritten()
    facts = accesses(program)
    tensors = [(facts[p.name], a) for p, a in zip(program.kernel.parameters, args, strict=True) if p.name in facts]
    used = {a.untyped_storage().data_ptr() for known, a in tensors if known.reads or known.updates}
    for _, tensor in tensors:
        if tensor.untyped_storage().data_ptr() not in used:
            unwritten.allocated(tensor)
    for tensor in fresh:
        unwritten.allocated(tensor)
    execute(program, grid, args, options=ExecutionOptions(chunk_elements=chunk, unwritten=unwritten))


@pytest.mark.parametrize("chunk", [1, 1000, 2**20])
@pytest.mark.parametrize("name", sorted(LAUNCHES))
def test_a_fixture_kernel_is_innocent_in_chunks_of_any_size(name: str, chunk: int) -> None:
    version = next(v for v in reversed(VERSIONS) if name in fixture_names(v))
    launch = LAUNCHES[name]()
    run(fixture(name, version), launch.grid, launch.args, chunk)
    for position, expected in launch.expected.items():
        torch.testing.assert_close(launch.args[position], expected, rtol=launch.rtol, atol=launch.atol)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_overlapping_tiles_that_store_the_same_values_are_innocent(chunk: int) -> None:
    x, out = torch.randn(37, generator=torch.Generator().manual_seed(0)), torch.zeros(37)
    run(module("clamped_tiles", F32, F32, "i32", BLOCK=16), (3, 1, 1), [x, out, 37], chunk)
    torch.testing.assert_close(out, x.exp())


@pytest.mark.parametrize("chunk", CHUNKS)
def test_elementwise_work_in_place_is_innocent(chunk: int) -> None:
    x = torch.ones(50)
    run(module("scale_in_place", F32, "i32", BLOCK=8), (7, 1, 1), [x, 50], chunk)
    assert x.tolist() == [2.0] * 50


@pytest.mark.parametrize("chunk", CHUNKS)
def test_views_of_one_memory_that_do_not_overlap_are_innocent(chunk: int) -> None:
    memory = torch.ones(3, 40)
    args = [memory[0], memory[2], memory[1], 40]
    run(module("add_views", F32, F32, F32, "i32", BLOCK=8), (5, 1, 1), args, chunk)
    assert memory[1].tolist() == [2.0] * 40


@pytest.mark.parametrize("chunk", CHUNKS)
def test_an_output_that_is_also_an_input_is_innocent_element_by_element(chunk: int) -> None:
    x = torch.ones(40)
    run(module("add_views", F32, F32, F32, "i32", BLOCK=8), (5, 1, 1), [x, x, x, 40], chunk)
    assert x.tolist() == [2.0] * 40


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_sum_under_a_lock_is_innocent(chunk: int) -> None:
    x, out, lock = torch.arange(64.0), torch.zeros(1), torch.zeros(1, dtype=torch.int32)
    run(module("locked_sum", F32, F32, I32, BLOCK=8), (8, 1, 1), [x, out, lock], chunk)
    assert float(out) == float(x.sum())


@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_last_program_may_load_what_all_have_stored(chunk: int) -> None:
    x, parts, counter, out = torch.arange(64.0), torch.zeros(8), torch.zeros(1, dtype=torch.int32), torch.zeros(1)
    program = module("last_program_sums", F32, F32, I32, F32, PROGRAMS=8, BLOCK=8)
    run(program, (8, 1, 1), [x, parts, counter, out], chunk, parts)
    assert float(out) == float(x.sum())
    assert int(counter) == 0


@pytest.mark.parametrize("chunk", CHUNKS)
def test_waiting_for_a_neighbours_flag_is_innocent(chunk: int) -> None:
    x, out, flags = torch.arange(64.0), torch.zeros(8), torch.zeros(8, dtype=torch.int32)
    run(module("flagged_neighbour", F32, F32, I32, BLOCK=8), (8, 1, 1), [x, out, flags], chunk, out)
    torch.testing.assert_close(out, x.reshape(8, 8).sum(1).cumsum(0))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_programs_that_load_the_same_halo_are_innocent(chunk: int) -> None:
    run(module("stencil", F32, F32, "i32", BLOCK=8), (7, 1, 1), [torch.ones(50), torch.zeros(50), 50], chunk)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("columns", [8, 20, 31])
def test_several_stores_of_one_program_to_its_own_row_are_innocent(columns: int, chunk: int) -> None:
    out = torch.zeros(6, columns)
    run(module("several_stores", F32, "i32", BLOCK=32), (6, 1, 1), [out, columns], chunk)
    assert out[:, 0].tolist() == [-1.0] * 6


@pytest.mark.parametrize("chunk", CHUNKS)
def test_programs_that_all_do_the_same_work_are_innocent(chunk: int) -> None:
    x, out = torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), torch.zeros(8)
    run(module("redundant_accumulation", F32, F32, STEPS=5, BLOCK=8), (4, 1, 1), [x, out], chunk)
    torch.testing.assert_close(out, x.sum(0))


@pytest.mark.parametrize("chunk", [1, 2, 3, *CHUNKS])
def test_storing_what_is_there_already_and_loading_it_is_innocent(chunk: int) -> None:
    m, y = torch.full((1,), 2.0), torch.zeros(3)
    run(module("store_what_is_there", F32, F32), (3, 1, 1), [m, y], chunk)
    assert y.tolist() == [2.0] * 3


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_mean_that_every_program_stores_and_loads_back_is_innocent(chunk: int) -> None:
    x, mean, out = torch.randn(8, generator=torch.Generator().manual_seed(0)), torch.zeros(1), torch.zeros(4, 8)
    run(module("redundant_mean", F32, F32, F32, BLOCK=8), (4, 1, 1), [x, mean, out], chunk)
    torch.testing.assert_close(out, (x - x.mean()).expand(4, 8))


@pytest.mark.parametrize("chunk", CHUNKS)
def test_programs_that_stride_through_the_grid_are_innocent(chunk: int) -> None:
    run(
        module("strided_programs", F32, F32, "i32", BLOCK=8), (3, 1, 1), [torch.ones(100), torch.zeros(100), 100], chunk
    )


@pytest.mark.parametrize("chunk", CHUNKS)
def test_programs_that_own_interleaved_columns_are_innocent(chunk: int) -> None:
    x, out = torch.ones(7, 9), torch.zeros(7, 9)
    run(module("copy_columns", F32, F32, "i32", "i32", BLOCK=8), (9, 1, 1), [x, out, 7, 9], chunk)
    assert torch.equal(x, out)


@pytest.mark.parametrize("chunk", [1, 64, 192, 2**20])
@pytest.mark.parametrize("size", [32, 29])
def test_tiles_of_a_matrix_are_innocent_with_and_without_a_cut_edge(size: int, chunk: int) -> None:
    x, out = torch.ones(size, size), torch.zeros(size, size)
    run(module("copy_tiles", F32, F32, "i32", "i32", BM=8, BN=8), (4, 4, 1), [x, out, size, size], chunk)
    assert torch.equal(x, out)


def test_atomics_of_one_launch_and_loads_of_the_next_are_innocent() -> None:
    x, total, out = torch.ones(32), torch.zeros(1), torch.zeros(32)
    unwritten = Unwritten()
    options = ExecutionOptions(unwritten=unwritten)
    add = module("add_views", F32, F32, F32, "i32", BLOCK=8)
    execute(module("clear_then_add", F32, F32, BLOCK=8), (1, 1, 1), [x, total], options=options)
    execute(add, (4, 1, 1), [x, total.expand(32).contiguous(), out, 32], options=options)
    assert out.tolist() == [9.0] * 32
