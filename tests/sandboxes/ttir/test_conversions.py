"""Conversions round, saturate and keep special values as the device's instructions do."""

import bisect
import functools
import math
from fractions import Fraction

import pytest
import torch
import triton.language as tl
from torch import Tensor

from tests.sandboxes.ttir import zoo
from tests.sandboxes.ttir.compiled import run

NAN, INF = math.nan, math.inf
TL = {
    torch.float8_e4m3fn: tl.float8e4nv,
    torch.float8_e5m2: tl.float8e5,
    torch.float16: tl.float16,
    torch.bfloat16: tl.bfloat16,
    torch.float32: tl.float32,
    torch.int8: tl.int8,
    torch.int16: tl.int16,
    torch.uint8: tl.uint8,
    torch.uint16: tl.uint16,
    torch.int32: tl.int32,
    torch.int64: tl.int64,
    torch.uint32: tl.uint32,
}


def _converted(x: Tensor, dtype: torch.dtype, rounding: str | None = None) -> Tensor:
    out = torch.zeros(x.numel(), dtype=dtype)
    run(zoo.converted, x, out, N=x.numel(), VIA=TL[dtype], ROUNDING=rounding)
    return out


@functools.cache
def _finite(dtype: torch.dtype) -> list[float]:
    """All finite numbers of a type of at most 16 bits, ascending."""
    bits = dtype.itemsize * 8
    patterns = torch.arange(2**bits, dtype=torch.int64).to(torch.uint8 if bits == 8 else torch.int16)
    values = patterns.view(dtype).double()
    return sorted(set(values[torch.isfinite(values)].tolist()))


def _sample(dtype: torch.dtype, source: torch.dtype) -> Tensor:
    """Numbers of the target, their midpoints, and what lies just beside both."""
    grid = torch.tensor(_finite(dtype), dtype=torch.float64)
    if grid.numel() > 300:
        grid = grid[:: grid.numel() // 100]
    middle = (grid[1:] + grid[:-1]) / 2
    points = torch.cat([grid, middle]).to(source)
    beside = [torch.nextafter(points.float(), torch.tensor(s * INF)).to(source) for s in (1, -1)]
    found = torch.cat([points, *beside]) if source in (torch.float32, torch.float64) else points
    count = 1 << (found.numel() - 1).bit_length()
    return torch.cat([found, torch.zeros(count - found.numel(), dtype=source)])


def _nearest(x: float, grid: list[float], dtype: torch.dtype) -> float:
    i = bisect.bisect_left(grid, x)
    if i == len(grid) or i == 0:
        return grid[min(i, len(grid) - 1)]
    low, high = grid[i - 1], grid[i]
    below, above = Fraction(x) - Fraction(low), Fraction(high) - Fraction(x)
    if below != above:
        return low if below < above else high
    integer = torch.uint8 if dtype.itemsize == 1 else torch.int16
    even = int(torch.tensor([high], dtype=torch.float64).to(dtype).view(integer).item()) % 2 == 0
    return high if even else low


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("source", [torch.float32, torch.float16, torch.bfloat16])
def test_eight_bit_floats_are_rounded_to_nearest_even_and_saturate(dtype: torch.dtype, source: torch.dtype) -> None:
    x = _sample(dtype, source)
    grid = _finite(dtype)
    assert _converted(x, dtype).double().tolist() == [_nearest(v, grid, dtype) for v in x.double().tolist()]
    top = grid[-1]
    special = _converted(torch.tensor([INF, -INF, NAN, top * 1.9, -top * 1.9, -0.0, 0.0, 1.0]).to(source), dtype)
    assert special.double().tolist()[:2] == [top, -top]
    assert math.isnan(special[2].item())
    assert special.double().tolist()[3:5] == [top, -top]
    assert math.copysign(1, special[5].item()) == -1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("source", [torch.float32, torch.float64])
def test_half_types_are_rounded_to_nearest_even(dtype: torch.dtype, source: torch.dtype) -> None:
    x = _sample(dtype, source)
    x = x[: 1 << (x.numel().bit_length() - 1)]
    grid = _finite(dtype)
    assert _converted(x, dtype).double().tolist() == [_nearest(v, grid, dtype) for v in x.double().tolist()]
    special = _converted(torch.tensor([INF, -INF, NAN, -0.0], dtype=source), dtype)
    assert special.tolist()[:2] == [INF, -INF]
    assert math.isnan(special[2].item())


def test_float64_is_not_rounded_twice() -> None:
    for dtype, bits in ((torch.float16, 11), (torch.bfloat16, 8)):
        x = torch.tensor([1.0 + 2.0**-bits + 2.0**-50, 1.0 + 2.0**-bits - 2.0**-50], dtype=torch.float64)
        assert _converted(x, dtype).tolist() == [1.0 + 2.0 ** (1 - bits), 1.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e5m2])
def test_rounding_towards_zero_cuts_off_and_never_overflows(dtype: torch.dtype) -> None:
    x = _sample(dtype, torch.float32)
    x = x[: 1 << (x.numel().bit_length() - 1)]
    grid = _finite(dtype)
    positive = [v for v in grid if v >= 0]
    expected = []
    for v in x.double().tolist():
        size = positive[bisect.bisect_right(positive, abs(v)) - 1]
        expected.append(math.copysign(size, v))
    assert _converted(x, dtype, "rtz").double().tolist() == expected
    special = _converted(torch.tensor([INF, -INF, NAN, 3e38]), dtype, "rtz")
    assert special.double().tolist()[:2] == [INF, -INF]
    assert math.isnan(special[2].item())
    assert special[3].item() == max(v for v in grid if v <= 3e38)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
@pytest.mark.parametrize("target", [torch.float32, torch.float16, torch.bfloat16])
def test_eight_bit_floats_widen_exactly(dtype: torch.dtype, target: torch.dtype) -> None:
    x = torch.arange(256).to(torch.uint8).view(dtype)
    found = _converted(x, target)
    torch.testing.assert_close(found, x.float().to(target), rtol=0, atol=0, equal_nan=True)


def test_half_types_convert_to_each_other() -> None:
    x = torch.tensor([1.0, 65504.0, 3.14159, -0.0], dtype=torch.float16)
    assert torch.equal(_converted(x, torch.bfloat16), x.float().bfloat16())
    y = torch.tensor([1.0, 1e30, 3.14159, -0.0], dtype=torch.bfloat16)
    assert _converted(y, torch.float16).tolist() == [1.0, INF, y[2].item(), -0.0]


@pytest.mark.parametrize("source", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_floats_become_integers_by_cutting_off(source: torch.dtype) -> None:
    x = torch.tensor([1.9, -1.9, 0.5, -0.5, 100.0, -100.0, NAN, INF], dtype=source)
    assert _converted(x, torch.int32).tolist() == [1, -1, 0, 0, 100, -100, 0, 2**31 - 1]
    assert _converted(x, torch.int64).tolist()[:6] == [1, -1, 0, 0, 100, -100]
    assert _converted(x, torch.uint32).tolist() == [1, 0, 0, 0, 100, 0, 0, 2**32 - 1]


def test_narrow_integers_saturate_at_sixteen_bits_as_the_device_does() -> None:
    x = torch.tensor([70000.0, -70000.0, 300.0, -300.0, NAN, 40000.0, 127.9, -128.0])
    assert _converted(x, torch.int16).tolist() == [32767, -32768, 300, -300, 0, 32767, 127, -128]
    assert _converted(x, torch.int8).tolist() == [-1, 0, 44, -44, 0, -1, 127, -128]
    assert _converted(x, torch.uint16).tolist() == [65535, 0, 300, 0, 0, 40000, 127, 0]
    assert _converted(x, torch.uint8).tolist() == [255, 0, 44, 0, 0, 64, 127, 0]


@pytest.mark.parametrize("target", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("source", [torch.int32, torch.int64, torch.uint32, torch.uint64, torch.int8, torch.uint8])
def test_integers_become_the_nearest_float(source: torch.dtype, target: torch.dtype) -> None:
    limits = torch.iinfo(source)
    x = torch.tensor([0, 1, 77, limits.max, limits.min, limits.max - 3, limits.max // 3, 100], dtype=source)
    found = _converted(x, target).double().tolist()
    for number, value in zip(x.tolist(), found, strict=True):
        unit = Fraction(2) ** (abs(number).bit_length() - {2: 11, 4: 24}[target.itemsize])
        if target == torch.bfloat16:
            unit = Fraction(2) ** (abs(number).bit_length() - 8)
        if target == torch.float16 and abs(number) >= 65520:
            assert value == math.copysign(INF, number)
        else:
            assert abs(Fraction(value) - number) <= max(unit / 2, Fraction(0))


# -- arithmetic with special values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_clamps_and_extremes_treat_nan_as_they_are_told(keep: bool, dtype: torch.dtype) -> None:
    x = torch.tensor([NAN, 5.0, -5.0, 0.5, NAN, 0.0, -0.0, -0.0], dtype=dtype)
    low = torch.tensor([-1.0, -1.0, -1.0, -1.0, NAN, -0.0, 0.0, -0.0], dtype=dtype)
    high = torch.full((8,), 2.0, dtype=dtype)
    out = torch.zeros(24, dtype=dtype)
    run(zoo.clamped, x, low, high, out, N=8, KEEP=keep)
    clamp, larger, smaller = out.reshape(3, 8).tolist()
    assert clamp[1:4] == [2.0, -1.0, 0.5]
    assert math.isnan(clamp[0]) if keep else clamp[0] == -1.0
    assert math.isnan(larger[0]) if keep else larger[0] == -1.0
    assert math.isnan(smaller[0]) if keep else smaller[0] == -1.0
    assert math.isnan(larger[4])
    assert math.isnan(smaller[4])
    assert [math.copysign(1, v) for v in larger[5:]] == [1, 1, -1]
    assert [math.copysign(1, v) for v in smaller[5:]] == [-1, -1, -1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_fused_multiply_add_is_rounded_once(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(256, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    c = torch.cat([-(a * b)[:128], (a * b)[128:] * torch.finfo(dtype).eps])
    out = torch.zeros(256, dtype=dtype)
    run(zoo.fused, a, b, c, out, N=256)
    digits = {torch.float16: 11, torch.bfloat16: 8, torch.float32: 24, torch.float64: 53}[dtype]
    for x, y, z, found in zip(a.tolist(), b.tolist(), c.tolist(), out.tolist(), strict=True):
        exact = Fraction(x) * Fraction(y) + Fraction(z)
        if exact != 0 and abs(exact) > Fraction(2) ** -14:
            exponent = math.frexp(float(exact))[1]
            assert abs(Fraction(found) - exact) <= Fraction(2) ** (exponent - digits - 1)


@pytest.mark.parametrize(
    ("dtype", "a", "b", "tiny"),
    [
        (torch.float32, 97.0 * 257.0, 673.0, 2.0**-60),
        (torch.bfloat16, 7.0, 37.0, 2.0**-60),
        (torch.float16, 3.0, 683.0, 2.0**-24),
        (torch.float64, 3.0 * 107.0, 28059810762433.0, 2.0**-60),
    ],
)
def test_a_tiny_summand_decides_a_tie_of_a_fused_multiply_add(
    dtype: torch.dtype, a: float, b: float, tiny: float
) -> None:
    exact = Fraction(a) * Fraction(b)
    digits = {torch.float16: 11, torch.bfloat16: 8, torch.float32: 24, torch.float64: 53}[dtype]
    unit = Fraction(2) ** (math.frexp(float(exact))[1] - digits)
    out = torch.zeros(2, dtype=dtype)
    operands = [torch.tensor([x, y], dtype=torch.float64).to(dtype) for x, y in ((a, a), (b, b), (tiny, -tiny))]
    run(zoo.fused, *operands, out, N=2)
    above, below = (Fraction(v) for v in out.tolist())
    assert below <= exact <= above
    assert above - below == unit


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.uint32, torch.int8, torch.uint8, torch.int16])
def test_shifts_and_divisions_follow_the_sign_of_their_type(dtype: torch.dtype) -> None:
    limits = torch.iinfo(dtype)
    x = torch.tensor([1, 5, limits.max, limits.min, limits.max - 6, 100, 0, 3], dtype=dtype)
    by = torch.tensor([0, 1, 2, 3, 7, 4, 5, 6], dtype=dtype)
    out = torch.zeros(32, dtype=dtype)
    run(zoo.shifted, x, by, out, N=8)
    bits = dtype.itemsize * 8
    for i, (a, s) in enumerate(zip(x.tolist(), by.tolist(), strict=True)):
        quotient = abs(a) // 7 * (1 if a >= 0 else -1)
        for row, expected in enumerate((a << s, a >> s, quotient, a - 7 * quotient)):
            assert (out[8 * row + i].item() - expected) % 2**bits == 0
