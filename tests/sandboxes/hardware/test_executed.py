"""The executor's counters become work."""

import pytest
import torch

from sandboxes.hardware.executed import work_of_launch
from sandboxes.hardware.work import Work
from sandboxes.ttir import ArgumentCount, Counters, Execution, ExecutionOptions, Location, MemoryCount, execute, parse

ADD_ONE = """module {
  tt.func public @add_one(%x: !tt.ptr<f32>, %y: !tt.ptr<f32>) {
    %c = arith.constant 128 : i32
    %one = arith.constant dense<1.0> : tensor<128xf32>
    %p = tt.get_program_id x : i32
    %s = arith.muli %p, %c : i32
    %r = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
    %t = tt.splat %s : i32 -> tensor<128xi32>
    %i = arith.addi %t, %r : tensor<128xi32>
    %xs = tt.splat %x : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>
    %xi = tt.addptr %xs, %i : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
    %v = tt.load %xi : tensor<128x!tt.ptr<f32>>
    %w = arith.addf %v, %one : tensor<128xf32>
    %ys = tt.splat %y : !tt.ptr<f32> -> tensor<128x!tt.ptr<f32>>
    %yi = tt.addptr %ys, %i : tensor<128x!tt.ptr<f32>>, tensor<128xi32>
    tt.store %yi, %w : tensor<128x!tt.ptr<f32>>
    tt.return
  }
}
"""


def counted(counters: Counters) -> Execution:
    return Execution(programs=1, seconds=0.0, counters=counters)


def test_a_streaming_kernel_is_counted_exactly() -> None:
    x, y = torch.zeros(1024), torch.zeros(1024)
    execution = execute(parse(ADD_ONE), (8, 1, 1), [x, y], options=ExecutionOptions(count=True))
    work = work_of_launch(execution)
    assert (work.read_bytes, work.written_bytes, work.requested_bytes) == (4096, 4096, 8192)
    assert work.flops == {"fp32": 1024}
    assert work.integer_ops >= 1024
    assert work.total_flops == 1024


def test_a_sample_is_scaled_to_the_grid() -> None:
    x, y = torch.zeros(1024), torch.zeros(1024)
    options = ExecutionOptions(count=True, programs=[0, 5])
    work = work_of_launch(execute(parse(ADD_ONE), (8, 1, 1), [x, y], options=options), scale=4)
    assert (work.read_bytes, work.written_bytes, work.flops) == (4096, 4096, {"fp32": 1024})


def test_a_sample_never_reads_more_than_there_is() -> None:
    argument = ArgumentCount(bytes_loaded=512, unique_bytes_loaded=512)
    execution = counted(Counters(arguments={"x": argument}))
    work = work_of_launch(execution, scale=100, sizes={"x": 4096})
    assert (work.read_bytes, work.requested_bytes) == (4096, 51_200)


@pytest.mark.parametrize(
    ("executed", "kind"),
    [
        ("dot_f16", "fp16"), ("dot_bf16", "bf16"), ("dot_tf32", "tf32"), ("dot_f32", "fp32"), ("dot_f64", "fp64"),
        ("dot_f8E4M3FN", "fp8"), ("dot_i8", "int8"), ("dot_unknown", "fp32"), ("float", "fp32"),
        ("double", "fp64"), ("special", "special"),
    ],
)  # fmt: skip
def test_every_kind_of_operation_has_a_pipe(executed: str, kind: str) -> None:
    assert work_of_launch(counted(Counters(flops={executed: 7}))).flops == {kind: 7}


DOT = """module {
  tt.func public @square(%x: !tt.ptr<f32>) {
    %a = arith.constant dense<1.0> : tensor<16x32xf32>
    %b = arith.constant dense<1.0> : tensor<32x16xf32>
    %c = arith.constant dense<0.0> : tensor<16x16xf32>
    %d = tt.dot %a, %b, %c PRECISION : tensor<16x32xf32> * tensor<32x16xf32> -> tensor<16x16xf32>
    %p = tt.splat %x : !tt.ptr<f32> -> tensor<16x16x!tt.ptr<f32>>
    tt.store %p, %d : tensor<16x16x!tt.ptr<f32>>
    tt.return
  }
}
"""


@pytest.mark.parametrize(
    ("precision", "kind", "products"),
    [("", "fp32", 1), ("tf32", "tf32", 1), ("tf32x3", "tf32", 3), ("bf16x3", "bf16", 3), ("bf16x6", "bf16", 6)],
)
def test_a_float32_product_in_parts_is_several_on_tensor_cores(precision: str, kind: str, products: int) -> None:
    text = DOT.replace("PRECISION", f", inputPrecision = {precision}" if precision else "")
    execution = execute(parse(text), (1, 1, 1), [torch.zeros(1)], options=ExecutionOptions(count=True))
    assert work_of_launch(execution).flops[kind] == products * 2 * 16 * 16 * 32


def test_atomics_are_read_and_written() -> None:
    counters = Counters(
        memory=[MemoryCount(kind="atomic", argument="x", location=Location(()), bytes=400)],
        arguments={"x": ArgumentCount(bytes_stored=400, unique_bytes_stored=4)},
    )
    work = work_of_launch(counted(counters))
    assert (work.written_bytes, work.requested_bytes) == (4, 800)


ARITHMETIC = """module {
  tt.func public @each(%x: !tt.ptr<f64>, %d: i32) {
    %seven = arith.constant dense<7> : tensor<128xi32>
    %r = tt.make_range {end = 128 : i32, start = 0 : i32} : tensor<128xi32>
    %s = tt.splat %d : i32 -> tensor<128xi32>
    %q = arith.divsi %r, DIVISOR : tensor<128xi32>
    %f = arith.sitofp %q : tensor<128xi32> to tensor<128xf64>
    %e = OPERATION
    %b = tt.splat %x : !tt.ptr<f64> -> tensor<128x!tt.ptr<f64>>
    %p = tt.addptr %b, %r : tensor<128x!tt.ptr<f64>>, tensor<128xi32>
    tt.store %p, %e : tensor<128x!tt.ptr<f64>>
    tt.return
  }
}
"""


def arithmetic(divisor: str = "%seven", operation: str = "arith.addf %f, %f : tensor<128xf64>") -> Work:
    module = parse(ARITHMETIC.replace("DIVISOR", divisor).replace("OPERATION", operation))
    args = [torch.zeros(128, dtype=torch.float64), 3]
    return work_of_launch(execute(module, (1, 1, 1), args, options=ExecutionOptions(count=True)))


def test_arithmetic_in_double_precision_is_no_arithmetic_in_single() -> None:
    assert arithmetic().flops == {"fp64": 128}


def test_an_exponential_in_double_precision_is_computed_by_many_operations() -> None:
    flops = arithmetic(operation="math.exp %f : tensor<128xf64>").flops
    assert set(flops) == {"fp64"}
    assert flops["fp64"] > 10 * 128


def test_a_division_of_integers_is_many_instructions_and_fewer_by_a_number_in_the_text() -> None:
    by_constant, by_argument = arithmetic().integer_ops, arithmetic(divisor="%s").integer_ops
    assert by_argument - by_constant >= 8 * 128
    assert by_constant >= 2 * 128
