"""Reductions and scans: the rounding, the ties and the special values of the device."""

import math

import pytest
import torch
from torch import Tensor

from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run
from tests.sandboxes.ttir.text import launch

NAN, INF = math.nan, math.inf


def _tree(x: Tensor, product: bool = False) -> Tensor:
    while x.numel() > 1:
        x = x[::2] * x[1::2] if product else x[::2] + x[1::2]
    return x


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_sum_in_a_half_type_is_rounded_at_every_step(dtype: torch.dtype) -> None:
    x = (1.0 + torch.arange(64) / 640).to(dtype)
    total, product, prefix = torch.zeros(1, dtype=dtype), torch.zeros(1, dtype=dtype), torch.zeros(64, dtype=dtype)
    run(zoo.sums, x, total, product, prefix, N=64)
    if dtype == torch.float32:
        torch.testing.assert_close(total[0], x.sum())
        torch.testing.assert_close(product[0], x.prod())
    else:
        assert torch.equal(total, _tree(x))
        assert torch.equal(product, _tree(x, product=True))
    torch.testing.assert_close(prefix, x.double().cumsum(0).to(dtype), rtol=2 * 64 * torch.finfo(dtype).eps, atol=0)


def test_a_half_precision_sum_overflows_as_on_the_device() -> None:
    x = torch.full((8,), 30000.0, dtype=torch.float16)
    x[4:] = -30000.0
    total, product, prefix = (torch.zeros(n, dtype=torch.float16) for n in (1, 1, 8))
    run(zoo.sums, x, total, product, prefix, N=8)
    assert prefix[2] == INF
    assert math.isnan(total.item())  # inf + -inf: neighbours are added first


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_integer_sums_and_products_wrap(dtype: torch.dtype) -> None:
    x = torch.full((8,), torch.iinfo(dtype).max, dtype=dtype)
    total, product, prefix = (torch.zeros(n, dtype=dtype) for n in (1, 1, 8))
    run(zoo.sums, x, total, product, prefix, N=8)
    assert total.tolist() == [-8]
    assert product.tolist() == [1]
    assert prefix.tolist()[:3] == [torch.iinfo(dtype).max, -2, torch.iinfo(dtype).max - 2]


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int32])
def test_extremes_and_where_they_are(dtype: torch.dtype, left: bool) -> None:
    x = torch.tensor([3, 7, -2, 7, 0, -2, 1, 7], dtype=dtype)
    out, index = torch.zeros(4, dtype=dtype), torch.zeros(2, dtype=torch.int32)
    run(zoo.extremes, x, out, index, N=8, LEFT=left)
    assert out.tolist() == [7, -2, 7, -2]
    if left:
        assert index.tolist() == [1, 2]
    assert x[index.long()].tolist() == [7, -2]


def test_unsigned_extremes() -> None:
    x = torch.tensor([3, 2**31 + 5, 1, 2**32 - 1], dtype=torch.uint32)
    out, index = torch.zeros(4, dtype=torch.uint32), torch.zeros(2, dtype=torch.int32)
    run(zoo.extremes, x, out, index, N=4, LEFT=True)
    assert out.tolist() == [2**32 - 1, 1, 2**32 - 1, 1]
    assert index.tolist() == [3, 2]


REDUCE = """module {{ tt.func public @k(%p: !tt.ptr<f32>, %q: !tt.ptr<f32>) {{
  %r = tt.make_range {{end = 4 : i32, start = 0 : i32}} : tensor<4xi32>
  %s = tt.splat %p : !tt.ptr<f32> -> tensor<4x!tt.ptr<f32>>
  %a = tt.addptr %s, %r : tensor<4x!tt.ptr<f32>>, tensor<4xi32>
  %x = tt.load %a : tensor<4x!tt.ptr<f32>>
  %m = "tt.reduce"(%x) <{{axis = 0 : i32}}> ({{
  ^bb0(%u: f32, %v: f32):
    %w = arith.{name} %u, %v : f32
    tt.reduce.return %w : f32
  }}) : (tensor<4xf32>) -> f32
  tt.store %q, %m : !tt.ptr<f32>
  tt.return }} }}"""


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("maxnumf", [NAN, -3.0, NAN, -5.0], -3.0),
        ("minnumf", [NAN, -3.0, NAN, -5.0], -5.0),
        ("maxnumf", [NAN] * 4, NAN),
        ("minnumf", [NAN] * 4, NAN),
        ("maximumf", [1.0, NAN, 3.0, 2.0], NAN),
        ("minimumf", [1.0, NAN, 3.0, 2.0], NAN),
        ("maximumf", [-INF, -0.0, 0.0, -0.0], 0.0),
        ("minimumf", [INF, 0.0, -0.0, 0.0], -0.0),
        ("maxnumf", [-0.0, -0.0, 0.0, -0.0], 0.0),
        ("minnumf", [0.0, 0.0, -0.0, 0.0], -0.0),
        ("maxnumf", [-0.0, -0.0, -0.0, -1.0], -0.0),
        ("minnumf", [0.0, 0.0, 0.0, 1.0], 0.0),
        ("maxnumf", [-INF, NAN, -INF, NAN], -INF),
    ],
)
def test_extremes_treat_nan_and_zeros_as_their_operation_says(name: str, values: list[float], expected: float) -> None:
    out = torch.zeros(1)
    launch(REDUCE.format(name=name), (1, 1, 1), torch.tensor(values), out)
    found = out.item()
    assert math.isnan(found) if math.isnan(expected) else found == expected
    assert math.isnan(expected) or math.copysign(1, found) == math.copysign(1, expected)


def test_a_histogram_counts_what_its_mask_lets_through() -> None:
    x = torch.arange(64, dtype=torch.int32) * 7 % 20 - 2
    mask = (torch.arange(64) % 3 != 0).int()
    out = torch.zeros(16, dtype=torch.int32)
    run(zoo.counted, x, mask, out, N=64, BINS=16)
    kept = x[(mask > 0) & (x >= 0) & (x < 16)]
    assert torch.equal(out, torch.bincount(kept, minlength=16).int())
