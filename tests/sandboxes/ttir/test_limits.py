"""Every execution ends, in a memory that is known before it starts, and the same way each time."""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
import weakref

import pytest
import torch

from benchmarks import planning
from benchmarks.workloads import Workload, workloads
from sandboxes.ttir import (
    EndlessLoop,
    ExecutionOptions,
    ExecutionTimeout,
    TooMuchMemory,
    TTIRError,
    TTIRSyntaxError,
    UnsupportedOperation,
    accesses,
    execute,
    parse,
)
from sandboxes.ttir.engine.preparation import prepare
from sandboxes.ttir.remembering import MAX_CHARACTERS, ByText, by_module
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.launches import LAUNCHES
from tests.sandboxes.ttir.limit_kernels import endless, exchanged, long_rows, nested, reread, walked
from tests.sandboxes.ttir.loaders import fixture, fixture_names, fixture_text
from tests.sandboxes.ttir.peak_memory import peak_of
from tests.sandboxes.ttir.text import launch

MIB = 2**20
F32 = "*fp32"


def module_of(*lines: str) -> str:
    return "\n".join(["module {", "tt.func public @k(%p: !tt.ptr<f32>) {", *lines, "tt.return", "}", "}"])


# -- operations ------------------------------------------------------------------------------------------------------


def test_a_runaway_loop_stops_after_the_same_operations_each_time() -> None:
    module = parse(ttir_of(endless, ("*i32",)))
    seen = []
    for _ in range(2):
        with pytest.raises(ExecutionTimeout) as caught:
            execute(
                module, (4, 1, 1), [torch.zeros(4, dtype=torch.int32)], options=ExecutionOptions(max_operations=999)
            )
        seen.append((str(caught.value), caught.value.location))
    assert seen[0] == seen[1]
    assert "still running after 999 operations in the loop at line" in seen[0][0]


def test_a_loop_that_waits_for_nobody_is_endless() -> None:
    x = torch.zeros(4, dtype=torch.int32)
    with pytest.raises(EndlessLoop):
        execute(parse(ttir_of(reread, ("*i32", "*i32"))), (2, 1, 1), [x, torch.zeros_like(x)])


def test_a_loop_whose_pointers_move_is_not_endless() -> None:
    x, y, out = torch.arange(300).int(), torch.arange(400).int() - 50, torch.zeros(2, dtype=torch.int32)
    execute(parse(ttir_of(walked, ("*i32", "*i32", "*i32", "i32"))), (2, 1, 1), [x, y, out, 250])
    assert out.tolist() == [250, 250]


def test_the_timeout_names_the_line_of_the_innermost_loop() -> None:
    module = parse(ttir_of(nested, ("*i32", "i32")))
    loops = [o for o in module.kernel.walk() if o.name in ("scf.for", "scf.while")]
    lines = sorted({loop.location.user_line() for loop in loops})
    assert len(lines) == 2
    args = [torch.zeros(4, dtype=torch.int32), 2**30]
    with pytest.raises(ExecutionTimeout) as caught:
        execute(module, (1, 1, 1), args, options=ExecutionOptions(max_operations=5000))
    assert caught.value.location.user_line() == lines[1]


def test_functions_that_call_each_other_twice_at_every_level_are_stopped() -> None:
    calls = [
        f"tt.func private @f{i}() {{\ntt.call @f{i + 1}() : () -> ()\ntt.call @f{i + 1}() : () -> ()\ntt.return\n}}"
        for i in range(60)
    ]
    text = "\n".join(
        ["module {", "tt.func public @k() {", "tt.call @f0() : () -> ()", "tt.return", "}", *calls,
         "tt.func private @f60() {", "tt.return", "}", "}"]
    )  # fmt: skip
    with pytest.raises(ExecutionTimeout, match="operations"):
        launch(text, (1, 1, 1), max_operations=20_000)


def test_an_atomic_that_all_lanes_queue_for_counts_every_turn() -> None:
    module = parse(ttir_of(exchanged, ("*i32", "*i32"), BLOCK=4096))
    args = [torch.zeros(1, dtype=torch.int32), torch.zeros(4096, dtype=torch.int32)]
    with pytest.raises(ExecutionTimeout, match="1,000 operations"):
        execute(module, (1, 1, 1), args, options=ExecutionOptions(max_operations=1000))
    before = args[0].item()
    execute(module, (1, 1, 1), args)
    assert args[1].tolist() == [before, *range(4095)]


@pytest.mark.parametrize("name", sorted(set(fixture_names()) & set(LAUNCHES)))
def test_honest_kernels_stay_far_below_the_budget_of_operations(name: str) -> None:
    case = LAUNCHES[name]()
    used = execute(fixture(name), case.grid, case.args).operations
    assert 0 < used < ExecutionOptions().max_operations / 200


# -- memory ----------------------------------------------------------------------------------------------------------


def test_a_kernel_gives_the_same_bits_in_any_memory() -> None:
    module = parse(ttir_of(long_rows, (F32, F32, "i32"), BLOCK=1024))
    x = torch.randn(64, 1000)
    outputs = []
    for budget in (2**30, 2**22, 2**17):
        outputs.append(torch.zeros(64, 1000))
        execute(module, (64, 1, 1), [x, outputs[-1], 1000], options=ExecutionOptions(memory_bytes=budget))
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_one_program_that_does_not_fit_is_unsupported_and_says_how_much_it_needs() -> None:
    module = parse(ttir_of(long_rows, (F32, F32, "i32"), BLOCK=2**16))
    x = torch.zeros(2**16)
    with pytest.raises(TooMuchMemory, match=r"one program needs \d+ MiB .* has 2 MiB: use smaller blocks") as caught:
        execute(module, (1, 1, 1), [x, x, 2**16], options=ExecutionOptions(memory_bytes=2 * MIB))
    assert isinstance(caught.value, UnsupportedOperation)
    assert caught.value.needed > 2**16 * 4 * 2


def test_thousands_of_live_tensors_are_refused_before_they_exist() -> None:
    count = 2000
    lines = ["%x0 = tt.make_range {end = 1048576 : i32, start = 0 : i32} : tensor<1048576xi32>"]
    lines += [f"%x{i} = arith.muli %x{i - 1}, %x0 : tensor<1048576xi32>" for i in range(1, count)]
    lines += [f"%y{i} = arith.addi %x{i}, %x{count - i} : tensor<1048576xi32>" for i in range(1, count)]
    started = time.monotonic()
    with pytest.raises(TooMuchMemory) as caught:
        launch(module_of(*lines), (1, 1, 1), torch.zeros(1))
    assert caught.value.needed > count * 4 * MIB
    assert time.monotonic() - started < 5


def test_a_tensor_inside_a_combine_region_counts_once_per_lane() -> None:
    """Each pair of elements makes its own, all at once."""
    lines = [
        "%r = tt.make_range {end = 1024 : i32, start = 0 : i32} : tensor<1024xi32>",
        '%s = "tt.reduce"(%r) <{axis = 0 : i32}> ({',
        "^bb0(%a: i32, %b: i32):",
        "%w = tt.splat %a : i32 -> tensor<65536xi32>",
        "%m = tt.make_range {end = 65536 : i32, start = 0 : i32} : tensor<65536xi32>",
        "%q = arith.addi %w, %m : tensor<65536xi32>",
        '%z = "tt.reduce"(%q) <{axis = 0 : i32}> ({',
        "^bb0(%c: i32, %d: i32):",
        "%e = arith.addi %c, %d : i32",
        "tt.reduce.return %e : i32",
        "}) : (tensor<65536xi32>) -> i32",
        "%f = arith.xori %z, %b : i32",
        "tt.reduce.return %f : i32",
        "}) : (tensor<1024xi32>) -> i32",
    ]
    with pytest.raises(TooMuchMemory) as caught:
        launch(module_of(*lines), (1, 1, 1), torch.zeros(1))
    assert caught.value.needed > 1024 * 65536 * 4 * 3


def test_lanes_that_queue_for_an_atomic_are_not_all_kept_waiting_in_memory() -> None:
    module = parse(ttir_of(exchanged, ("*i32", "*i32"), BLOCK=2**20))
    args = [torch.zeros(1, dtype=torch.int32), torch.zeros(2**20, dtype=torch.int32)]

    def run() -> None:
        with pytest.raises(ExecutionTimeout, match="1,000 operations"):
            execute(module, (1, 1, 1), args, options=ExecutionOptions(max_operations=1000))

    assert peak_of(run) < 200 * MIB


def test_values_that_a_loop_is_done_with_are_not_held() -> None:
    body = ["%zero = arith.constant 0 : i32", "%one = arith.constant 1 : i32"]
    body += ["%x = tt.make_range {end = 524288 : i32, start = 0 : i32} : tensor<524288xi32>"]
    for i in range(100):
        body += [
            f"%l{i} = scf.for %i{i} = %zero to %one step %one iter_args(%a{i} = %x) -> (tensor<524288xi32>) : i32 {{",
            f"%b{i} = arith.muli %a{i}, %a{i} : tensor<524288xi32>",
            f"scf.yield %b{i} : tensor<524288xi32>",
            "}",
        ]
    launch(module_of(*body), (1, 1, 1), torch.zeros(1), memory_bytes=48 * MIB)


def test_a_tensor_beyond_tritons_own_limit_is_no_ttir() -> None:
    with pytest.raises(TTIRSyntaxError, match="2147483648 elements"):
        parse(module_of("%x = tt.make_range {end = 5 : i32, start = 0 : i32} : tensor<65536x32768xi32>"))


def test_ranges_that_would_fill_the_memory_are_refused() -> None:
    ranges = [
        f"%r{i} = tt.make_range {{end = {i + 2**20} : i32, start = {i} : i32}} : tensor<1048576xi32>" for i in range(50)
    ]
    with pytest.raises(UnsupportedOperation, match="bytes of tt"):
        launch(module_of(*ranges), (1, 1, 1), torch.zeros(1))


COLUMN = "%c = tt.expand_dims %r {axis = 1 : i32} : tensor<65536xi32> -> tensor<65536x1xi32>"
ROW = "%d = tt.expand_dims %r {axis = 0 : i32} : tensor<65536xi32> -> tensor<1x65536xi32>"


@pytest.mark.parametrize(
    "lines",
    [
        [COLUMN, ROW, "%s = arith.addi %c, %d : tensor<4xi32>", "%t = arith.muli %s, %s : tensor<4xi32>"],
        [COLUMN, ROW, "%s = arith.cmpi slt, %c, %d : tensor<4xi32>"],
        [COLUMN, ROW, "%b = arith.constant true", "%s = arith.select %b, %c, %d : tensor<4xi32>"],
        [COLUMN, "%z = arith.constant dense<0> : tensor<4x4xi32>",
         "%s = tt.dot %c, %r, %z : tensor<65536x1xi32> * tensor<65536xi32> -> tensor<4x4xi32>"],
        [COLUMN, "%s = tt.broadcast %c : tensor<65536x1xi32> -> tensor<8x8xi32>"],
        ["%s = tt.reshape %r : tensor<65536xi32> -> tensor<4x4xi32>"],
        [COLUMN, "%s = tt.trans %c {order = array<i32: 1, 0>} : tensor<65536x1xi32> -> tensor<4x1xi32>"],
        [COLUMN, "%s = tt.gather %r[%c] {axis = 0 : i32} : (tensor<65536xi32>, tensor<65536x1xi32>) -> tensor<4xi32>"],
        [ROW, COLUMN, "%o = arith.constant 1 : i32",
         "%s = scf.for %i = %o to %o step %o iter_args(%a = %c) -> (tensor<65536x1xi32>) : i32 {",
         "scf.yield %d : tensor<1x65536xi32>", "}"],
    ],
)  # fmt: skip
def test_shapes_that_contradict_each_other_never_run(lines: list[str]) -> None:
    start = "%r = tt.make_range {end = 65536 : i32, start = 0 : i32} : tensor<65536xi32>"
    with pytest.raises(UnsupportedOperation, match=r"of shapes|hands on"):
        launch(module_of(start, *lines), (1, 1, 1), torch.zeros(1))


@pytest.mark.parametrize("load", workloads(), ids=lambda load: load.name)
def test_the_default_budget_leaves_as_many_programs_at_once_as_are_fast(load: Workload) -> None:
    plan = prepare(parse(ttir_of(load.kernel, load.signature, **load.constexprs)))
    options = ExecutionOptions()
    fast = max(1, options.chunk_elements // plan.widest)
    assert plan.program_bytes * fast < options.memory_bytes / 2


@pytest.mark.slow
@pytest.mark.parametrize("budget_mib", [1024, 128, 32])
def test_no_kernel_holds_more_than_its_budget(budget_mib: int) -> None:
    command = [sys.executable, "-m", "tests.sandboxes.ttir.peak_memory", str(budget_mib * MIB)]
    output = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    peaks = json.loads(output.stdout)
    assert len(peaks) >= 15
    assert {name: peak for name, peak in peaks.items() if peak > budget_mib} == {}


# -- launches --------------------------------------------------------------------------------------------------------


def test_a_grid_without_programs_does_nothing() -> None:
    for grid in ((0, 1, 1), (4, 0, 1), (4, 3, 0)):
        out = torch.zeros(4)
        assert execute(fixture("add_relu"), grid, [out + 1, out + 1, out, 4]).programs == 0
        assert not out.any()


def test_time_limits_hold_inside_of_functions_and_branches() -> None:
    case = LAUNCHES["calls"]()
    with pytest.raises(TTIRError, match="still running after 0 s"):
        execute(fixture("calls"), case.grid, case.args, options=ExecutionOptions(max_seconds=0.0))


# -- plans -----------------------------------------------------------------------------------------------------------


def test_the_same_text_is_parsed_and_planned_once() -> None:
    assert parse(fixture_text("softmax")) is parse(fixture_text("softmax"))
    module = fixture("softmax")
    first, second = (accesses(module) for _ in range(2))
    assert first is second


def test_texts_are_forgotten_by_their_size_and_what_follows_from_them_with_them() -> None:
    remembered = ByText(lambda text: parse.__wrapped__(text))
    plan = by_module(prepare)
    text = fixture_text("softmax")
    module = weakref.ref(remembered(text))
    assert plan(remembered(text)) is plan(remembered(text))
    padding = "\n" * (MAX_CHARACTERS // 5)
    for number in range(5):
        remembered(text + padding + " " * number)
    gc.collect()
    assert module() is None
    assert remembered(text + padding + "    ") is remembered(text + padding + "    ")


def test_planning_takes_at_most_20_milliseconds_even_for_the_largest_kernel() -> None:
    measured = planning.run()
    kernels = measured["kernels"]
    assert isinstance(kernels, dict)
    assert set(kernels) == {*fixture_names(), planning.BACKWARD}
    sums = {name: times["parse_ms"] + times["prepare_ms"] for name, times in kernels.items()}
    busy = 1.5  # neighbours on the same cores cost time even on the process's own clock
    assert {name: time for name, time in sums.items() if time > 20 * busy} == {}
    assert statistics.median(sums.values()) < 20 / 4


def test_a_constant_that_is_written_out_is_short() -> None:
    listed = "%x{0} = arith.constant dense<[" + ", ".join(["1"] * 1024) + "]> : tensor<1024xi32>"
    assert parse(module_of(*(listed.format(i) for i in range(16)))).kernel.body.blocks
    with pytest.raises(TTIRSyntaxError, match="more than 16384 elements of constants, one by one"):
        parse(module_of(*(listed.format(i) for i in range(17))))


def nested_branches(operations: int, depth: int) -> str:
    """A chain of operations in branches inside of branches."""
    lines = ["%c = arith.constant true", "%x0 = arith.constant 1 : i32"]
    for number in range(operations):
        if number % (operations // depth) == 0:
            lines.append("scf.if %c {")
        lines.append(f"%x{number + 1} = arith.muli %x{number}, %x{number} : i32")
    return module_of(*lines, *["scf.yield\n}"] * depth)


def test_planning_takes_no_longer_where_operations_are_nested_deeply() -> None:
    def planned(depth: int) -> float:
        module = parse(nested_branches(6000, depth))
        times = []
        for _ in range(3):
            started = time.process_time()
            prepare(module)
            times.append(time.process_time() - started)
        return min(times)

    assert planned(60) < 3 * planned(1)


def test_a_loop_that_calls_functions_that_call_functions_is_planned_once_each() -> None:
    calls = [
        f"tt.func private @f{i}() {{\ntt.call @f{i + 1}() : () -> ()\ntt.call @f{i + 1}() : () -> ()\ntt.return\n}}"
        for i in range(60)
    ]
    loop = ["%c = arith.constant false", "scf.while : () -> () {", "scf.condition(%c)", "} do {"]
    loop += ["tt.call @f0() : () -> ()", "scf.yield", "}"]
    polled = [
        "%z = arith.constant 0 : i64",
        "%p = tt.int_to_ptr %z : i64 -> !tt.ptr<f32>",
        "%v = tt.load %p {isVolatile = true} : !tt.ptr<f32>",
    ]
    last: list[str]
    for last, waits in (([], False), (polled, True)):
        text = "\n".join(
            ["module {", "tt.func public @k(%p: !tt.ptr<f32>) {", *loop, "tt.return", "}", *calls,
             "tt.func private @f60() {", *last, "tt.return", "}", "}"]
        )  # fmt: skip
        assert prepare(parse(text)).sequential == waits


def test_a_region_for_single_elements_may_not_use_memory() -> None:
    lines = [
        "%r = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>",
        '%s = "tt.reduce"(%r) <{axis = 0 : i32}> ({',
        "^bb0(%a: i32, %b: i32):",
        "%v = tt.load %p : !tt.ptr<f32>",
        "%t = arith.addi %a, %b : i32",
        "tt.reduce.return %t : i32",
        "}) : (tensor<4xi32>) -> i32",
    ]
    with pytest.raises(UnsupportedOperation, match=r"tt\.reduce whose region uses memory in kernel 'k'"):
        launch(module_of(*lines), (1, 1, 1), torch.zeros(1))
