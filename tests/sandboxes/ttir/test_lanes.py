"""Functions of single elements take their own ways, whatever their neighbours do."""

from collections.abc import Callable

import pytest
import torch

from sandboxes.ttir import ExecutionOptions, UnsupportedOperation, execute, parse
from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run
from tests.sandboxes.ttir.frontend import ttir_of
from tests.sandboxes.ttir.text import launch


def _steps(x: int, y: int) -> int:
    steps = 0
    while x < y:
        x, steps = 2 * x + 1, steps + 1
    return -steps if steps > 3 else steps


def test_a_mapped_function_loops_as_often_as_each_element_needs() -> None:
    a = torch.arange(32, dtype=torch.int32) % 7
    b = torch.arange(32, dtype=torch.int32) * 5 % 90
    out = torch.zeros(32, dtype=torch.int32)
    text = run(zoo.mapped_steps, a, b, out, grid=(2, 1, 1), BLOCK=16)
    assert "tt.map_elementwise" in text
    assert out.tolist() == [_steps(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]


def test_a_mapped_function_may_return_several_values_from_several_branches() -> None:
    a, b = torch.randn(32), torch.randn(32)
    low, high = torch.zeros(32), torch.zeros(32)
    run(zoo.mapped_pair, a, b, low, high, BLOCK=32)
    assert torch.equal(low, torch.minimum(a, b))
    assert torch.equal(high, torch.maximum(a, b))


def test_a_packed_function_sees_neighbours() -> None:
    a, b = torch.randn(16), torch.randn(16)
    out = torch.zeros(16)
    run(zoo.mapped_pack, a, b, out, BLOCK=16)
    assert torch.equal(out[::2], a[1::2] + b[::2])
    assert torch.equal(out[1::2], a[::2] - b[1::2])


def test_counting_knows_mapped_operations() -> None:
    text = ttir_of(zoo.mapped_pair, ("*fp32",) * 4, BLOCK=32)
    args = [torch.randn(32) for _ in range(4)]
    counters = execute(parse(text), (1, 1, 1), args, options=ExecutionOptions(count=True)).counters
    assert counters.flops["float"] in (32, 96)  # a comparison per element, with or without two selections


def _nearer(x: float, y: float) -> float:
    return y if abs(y) < abs(x) else x


def _folded(row: list[float], function: Callable[[float, float], float]) -> list[float]:
    result = row[:1]
    for x in row[1:]:
        result.append(function(result[-1], x))
    return result


def test_a_reduction_may_branch() -> None:
    x = (torch.arange(8 * 16) * 37 % 23 - 11).float().reshape(8, 16)
    out = torch.zeros(8)
    run(zoo.reduce_with_branch, x, out, grid=(2, 1, 1), M=4, N=16)
    assert torch.equal(out.abs(), x.abs().amin(1))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_may_branch(reverse: bool) -> None:
    x = (torch.arange(2 * 16) * 37 % 53 + 3).float().reshape(2, 16)
    out = torch.zeros(2, 16)
    run(zoo.scan_with_branch, x, out, grid=(2, 1, 1), N=16, REVERSE=reverse)
    rows = x.flip(1) if reverse else x
    expected = torch.tensor([_folded(row, _nearer) for row in rows.tolist()])
    assert torch.equal(out, expected.flip(1) if reverse else expected)


NONSENSE = """module {{ tt.func public @k(%p: !tt.ptr<f32>) {{
  %r = tt.make_range {{end = 8 : i32, start = 0 : i32}} : tensor<8xi32>
  %s = tt.splat %p : !tt.ptr<f32> -> tensor<8x!tt.ptr<f32>>
  %a = tt.addptr %s, %r : tensor<8x!tt.ptr<f32>>, tensor<8xi32>
  %x = tt.load %a : tensor<8x!tt.ptr<f32>>
  %y = "tt.map_elementwise"(%x) <{{pack = {pack} : i32}}> ({{
  ^bb0(%u: f32):
    %v = arith.addf %u, {value} : f32
    tt.map_elementwise.return %v : f32
  }}) : (tensor<8xf32>) -> tensor<8xf32>
  tt.store %a, %y : tensor<8x!tt.ptr<f32>>
  tt.return }} }}"""


@pytest.mark.parametrize(("pack", "value"), [(0, "%u"), (3, "%u"), (-1, "%u"), (1, "%x"), (2, "%u")])
def test_nonsense_is_unsupported(pack: int, value: str) -> None:
    with pytest.raises(UnsupportedOperation, match=r"map_elementwise|arith\.addf"):
        execute(parse(NONSENSE.format(pack=pack, value=value)), (1, 1, 1), [torch.ones(8)])


def test_a_mapped_function_written_as_text_runs() -> None:
    x = torch.arange(8.0)
    execute(parse(NONSENSE.format(pack=1, value="%u")), (1, 1, 1), [x])
    assert torch.equal(x, 2 * torch.arange(8.0))


def test_a_tensor_of_one_element_becomes_a_scalar() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %r = tt.make_range {end = 2 : i32, start = 1 : i32} : tensor<1xi32>
      %s = tt.unsplat %r : tensor<1xi32>
      tt.store %p, %s : !tt.ptr<i32>
      tt.return } }"""
    out = torch.zeros(1, dtype=torch.int32)
    launch(text, (1, 1, 1), out)
    assert out.item() == 1
