"""Bounds are exact, masks protect, and a fault says everything needed to fix it."""

import pickle

import pytest
import torch

from sandboxes.ttir import ArgumentMismatch, ExecutionOptions, MemoryFault, execute, parse
from sandboxes.ttir.operations.dots import round_tf32
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.kernels import matmul, softmax
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.loaders import fixture
from tests.sandboxes.ttir.text import launch

F32 = "*fp32"


def line_of(module_name: str, operation: str, nth: int = 0) -> int:
    found = [o for o in fixture(module_name).kernel.walk() if o.name == operation]
    return found[nth].location.user_line()


def test_a_load_past_the_end_names_argument_index_size_program_and_line() -> None:
    x, y, out = torch.zeros(500), torch.zeros(500), torch.zeros(1000)
    with pytest.raises(MemoryFault) as caught:
        execute(fixture("add_relu"), (8, 1, 1), [x, y, out, 1000])
    fault = caught.value
    assert (fault.kind, fault.argument, fault.offset, fault.limit) == ("out-of-bounds load", "x", 500, 500)
    assert fault.program_id == (3, 0, 0)
    assert fault.lane == 500 - 3 * 128
    line = line_of("add_relu", "tt.load")
    assert str(fault) == (
        f"out-of-bounds load in kernel 'add_relu': program (3, 0, 0) at line {line} accesses element 500 of argument "
        "'x', which has 500 elements (lane 116)"
    )


def test_a_store_past_the_end_is_a_fault_and_what_precedes_it_is_not() -> None:
    x, y = torch.zeros(1000), torch.zeros(1000)
    with pytest.raises(MemoryFault, match="out-of-bounds store") as caught:
        execute(fixture("add_relu"), (8, 1, 1), [x, y, torch.zeros(999), 1000])
    assert caught.value.argument == "out"
    assert caught.value.offset == 999
    assert caught.value.location.user_line() == line_of("add_relu", "tt.store")


def test_a_fault_survives_pickling() -> None:
    with pytest.raises(MemoryFault) as caught:
        execute(fixture("add_relu"), (8, 1, 1), [torch.zeros(5), torch.zeros(5), torch.zeros(5), 6])
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own bytes)
    assert str(copy) == str(caught.value)
    assert copy.location == caught.value.location


def test_lanes_that_are_masked_off_never_fault() -> None:
    x, y, out = torch.ones(5), torch.ones(5), torch.zeros(5)
    execute(fixture("add_relu"), (8, 1, 1), [x, y, out, 5])
    assert out.tolist() == [2.0] * 5


def test_one_element_past_the_end_of_a_matrix_faults() -> None:
    module = parse(ttir_of(matmul, (F32, F32, F32, *["i32"] * 9), BM=32, BN=32, BK=16))
    a, b = torch.zeros(64 * 64 - 1), torch.zeros(64, 64)
    with pytest.raises(MemoryFault) as caught:
        execute(module, (2, 2, 1), [a, b, torch.zeros(64, 64), 64, 64, 64, 64, 1, 64, 1, 64, 1])
    assert (caught.value.argument, caught.value.offset) == ("a", 64 * 64 - 1)
    assert caught.value.program_id == (1, 0, 0)


def test_a_negative_index_faults() -> None:
    launch_ = LAUNCHES["cross_entropy"]()
    launch_.args[1][4] = -10_000
    with pytest.raises(MemoryFault) as caught:
        execute(fixture("cross_entropy"), launch_.grid, launch_.args)
    assert caught.value.offset == 4 * 100 - 10_000
    assert caught.value.program_id == (4, 0, 0)


def test_legal_memory_is_the_whole_storage_of_a_view() -> None:
    storage = torch.arange(300, dtype=torch.float32)
    out = torch.zeros(100)
    execute(fixture("add_relu"), (1, 1, 1), [storage[100:200], storage[200:210], out, 100])
    assert torch.equal(out, storage[100:200] + storage[200:300])
    with pytest.raises(MemoryFault) as caught:
        execute(fixture("add_relu"), (1, 1, 1), [storage[100:200], storage[201:210], out, 100])
    assert (caught.value.offset, caught.value.limit) == (99, 99)


def test_stores_reach_the_storage_of_a_strided_view() -> None:
    storage = torch.zeros(64, 10)
    x = torch.randn(5, 10)
    execute(fixture("softmax"), (5, 1, 1), [x, storage[3:8], 10])
    torch.testing.assert_close(storage[3:8], x.softmax(1))
    assert not storage[:3].any()
    assert not storage[8:].any()


def test_an_update_in_place_reads_before_it_writes() -> None:
    x = torch.randn(300)
    expected = (x + x).relu()
    execute(fixture("add_relu"), (3, 1, 1), [x, x, x, 300])
    assert torch.equal(x, expected)


def test_a_softmax_with_a_ragged_last_block_needs_no_slack() -> None:
    module = parse(ttir_of(softmax, (F32, F32, "i32"), BLOCK=256))
    x, out = torch.randn(40, 129), torch.zeros(40, 129)
    execute(module, (40, 1, 1), [x, out, 129])
    torch.testing.assert_close(out, x.softmax(1))


@pytest.mark.parametrize(("rows", "columns", "depth"), [(64, 64, 32), (65, 33, 17), (1, 1, 1), (31, 96, 50)])
def test_matmul_at_any_size(rows: int, columns: int, depth: int) -> None:
    module = parse(ttir_of(matmul, (F32, F32, F32, *["i32"] * 9), BM=32, BN=32, BK=16))
    a, b, c = torch.randn(rows, depth), torch.randn(depth, columns), torch.full((rows, columns), 7.0)
    grid = (-(-rows // 32), -(-columns // 32), 1)
    execute(module, grid, [a, b, c, rows, columns, depth, depth, 1, columns, 1, columns, 1])
    torch.testing.assert_close(c, a @ b, atol=3e-2, rtol=1e-2)


def test_transposed_operands_by_strides() -> None:
    module = parse(ttir_of(matmul, (F32, F32, F32, *["i32"] * 9), BM=32, BN=32, BK=16))
    a, b, c = torch.randn(40, 50), torch.randn(70, 40), torch.zeros(50, 70)
    execute(module, (2, 3, 1), [a, b, c, 50, 70, 40, 1, 50, 1, 40, 70, 1])
    torch.testing.assert_close(c, a.t() @ b.t(), atol=3e-2, rtol=1e-2)


def test_tf32_rounds_to_nearest_with_ties_away() -> None:
    step = 2.0**-10
    x = torch.tensor([1 + step / 2, 1 + step / 2 - 2**-23, -(1 + step / 2), float("inf"), 0.0])
    assert round_tf32(x).tolist() == [1 + step, 1.0, -(1 + step), float("inf"), 0.0]
    assert torch.isnan(round_tf32(torch.tensor([0x7FFFFFFF], dtype=torch.int32).view(torch.float32)))


def test_counts_are_exact() -> None:
    args = LAUNCHES["matmul"]().args
    counters = execute(fixture("matmul"), (4, 3, 1), args, options=ExecutionOptions(count=True)).counters
    programs, steps = 12, 5  # K = 70 in steps of 16
    assert counters.flops["dot_tf32"] == programs * steps * 2 * 32 * 32 * 16
    assert counters.arguments["a"].bytes_loaded == 3 * 100 * 70 * 4  # once per column of programs
    assert counters.arguments["b"].bytes_loaded == 4 * 70 * 90 * 4
    assert counters.arguments["a"].unique_bytes_loaded == 100 * 70 * 4
    assert counters.arguments["c"].bytes_stored == counters.arguments["c"].unique_bytes_stored == 100 * 90 * 4
    assert counters.bytes_loaded == counters.arguments["a"].bytes_loaded + counters.arguments["b"].bytes_loaded
    dot = line_of("matmul", "tt.dot")
    assert counters.lines[dot]["dot_tf32"] == counters.flops["dot_tf32"]
    assert sum(line.get("bytes", 0) for line in counters.lines.values()) == sum(m.bytes for m in counters.memory)


def test_arguments_that_do_not_fit_are_refused() -> None:
    x = torch.zeros(4)
    with pytest.raises(ArgumentMismatch, match="takes 4 arguments"):
        execute(fixture("add_relu"), (1, 1, 1), [x])
    with pytest.raises(ArgumentMismatch, match=r"'x' is torch\.float16"):
        execute(fixture("add_relu"), (1, 1, 1), [x.half(), x, x, 4])
    with pytest.raises(ArgumentMismatch, match="'n' must be a number"):
        execute(fixture("add_relu"), (1, 1, 1), [x, x, x, x])
    with pytest.raises(ArgumentMismatch, match="grid"):
        execute(fixture("add_relu"), (-1, 1, 1), [x, x, x, 4])


def test_atomics_return_what_they_found_in_program_order() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>, %o: !tt.ptr<i32>) {
      %one = arith.constant 1 : i32
      %true = arith.constant true
      %id = tt.get_program_id x : i32
      %old = tt.atomic_rmw add, acq_rel, gpu, %p, %one, %true : (!tt.ptr<i32>, i32, i1) -> i32
      %q = tt.addptr %o, %id : !tt.ptr<i32>, i32
      tt.store %q, %old : !tt.ptr<i32>
      tt.return } }"""
    counter, out = torch.tensor([10], dtype=torch.int32), torch.zeros(6, dtype=torch.int32)
    launch(text, (6, 1, 1), counter, out)
    assert out.tolist() == [10, 11, 12, 13, 14, 15]
    assert counter.item() == 16


def test_distinct_bytes_of_a_huge_buffer_are_counted_in_shared_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched() -> list[tuple[int, int]]:
        launch = LAUNCHES["matmul"]()
        counters = execute(
            fixture("matmul"), launch.grid, launch.args, options=ExecutionOptions(count=True)
        ).counters  # fmt: skip
        return [(item.unique_bytes_loaded, item.unique_bytes_stored) for item in counters.arguments.values()]

    exact = touched()
    monkeypatch.setattr("sandboxes.ttir.engine.sectors.MAX_FLAGS", 0)
    for shared, wanted in zip(touched(), exact, strict=True):
        assert shared == pytest.approx(wanted, rel=0.01)


def test_distinct_bytes_are_whole_sectors_in_whatever_sizes_a_kernel_loads_them() -> None:
    text = """module {
      tt.func public @k(%x: !tt.ptr<i32>, %o: !tt.ptr<i32>) {
        %id = tt.get_program_id x : i32
        %p = tt.addptr %x, %id : !tt.ptr<i32>, i32
        %v = tt.load %p : !tt.ptr<i32>
        %b = tt.bitcast %p : !tt.ptr<i32> -> !tt.ptr<i16>
        %h = tt.load %b : !tt.ptr<i16>
        %w = arith.extsi %h : i16 to i32
        %s = arith.addi %v, %w : i32
        %step = arith.constant 16 : i32
        %far = arith.muli %id, %step : i32
        %q = tt.addptr %o, %far : !tt.ptr<i32>, i32
        tt.store %q, %s : !tt.ptr<i32>
        tt.return } }"""
    x, out = torch.zeros(1000, dtype=torch.int32), torch.zeros(1024, dtype=torch.int32)
    counters = launch(text, (64, 1, 1), x, out, count=True).counters
    assert counters.arguments["x"].unique_bytes_loaded == 64 * 4
    assert counters.arguments["o"].unique_bytes_stored == 64 * 32


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_the_busiest_program_is_known(chunk: int) -> None:
    text = """module {
      tt.func public @k(%x: !tt.ptr<i32>) {
        %id = tt.get_program_id x : i32
        %zero = arith.constant 0 : i32
        %one = arith.constant 1 : i32
        %p = tt.addptr %x, %id : !tt.ptr<i32>, i32
        scf.for %i = %zero to %id step %one : i32 {
          %v = tt.load %p : !tt.ptr<i32>
          %w = arith.addi %v, %i : i32
          tt.store %p, %w : !tt.ptr<i32>
        }
        tt.return } }"""
    counters = launch(text, (5, 1, 1), torch.zeros(5, dtype=torch.int32), count=True, programs_at_once=chunk).counters
    assert counters.uneven_bytes == pytest.approx(4 / 2)
    assert counters.uneven_operations == pytest.approx((4 + 1) / (2 + 1))
