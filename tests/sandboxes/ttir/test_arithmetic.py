"""Every arithmetic operation gives the device's answer."""

import math
import random
from fractions import Fraction

import pytest
import torch

from tests.sandboxes.ttir.text import elementwise, launch

EDGES32 = [0, 1, -1, 7, -7, 2**31 - 1, -(2**31), 123456789]
NAN, INF = float("nan"), float("inf")


def _pairs(values: list[int], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.tensor([x for x in values for _ in values], dtype=dtype)
    b = torch.tensor([y for _ in values for y in values], dtype=dtype)
    return a, b


def _wrap(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _unsigned(a: int, bits: int = 32) -> int:
    return a & ((1 << bits) - 1)


INTEGER = {
    "addi": lambda a, b: a + b,
    "subi": lambda a, b: a - b,
    "muli": lambda a, b: a * b,
    "divsi": lambda a, b: _truncated(a, b) if b else -1,
    "remsi": lambda a, b: a - b * _truncated(a, b) if b else -1,
    "divui": lambda a, b: _unsigned(a) // _unsigned(b) if b else -1,
    "remui": lambda a, b: _unsigned(a) % _unsigned(b) if b else -1,
    "andi": lambda a, b: a & b,
    "ori": lambda a, b: a | b,
    "xori": lambda a, b: a ^ b,
    "maxsi": max,
    "minsi": min,
    "maxui": lambda a, b: max(_unsigned(a), _unsigned(b)),
    "minui": lambda a, b: min(_unsigned(a), _unsigned(b)),
    "shli": lambda a, b: a << b if 0 <= b < 32 else 0,
    "shrsi": lambda a, b: a >> (b if 0 <= b < 32 else 31),
    "shrui": lambda a, b: _unsigned(a) >> b if 0 <= b < 32 else 0,
}


@pytest.mark.parametrize("name", sorted(INTEGER))
def test_int32_operations_wrap_and_truncate_like_the_device(name: str) -> None:
    a, b = _pairs(EDGES32, torch.int32)
    found = elementwise(f"%r = arith.{name} %a, %b : tensor<Nxi32>", a, b, output=torch.int32)
    expected = [_wrap(INTEGER[name](x, y), 32) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert found.tolist() == expected


@pytest.mark.parametrize("name", ["addi", "subi", "muli", "divsi", "remsi"])
def test_int64_operations_wrap(name: str) -> None:
    a, b = _pairs([0, 1, -1, 3, 2**63 - 1, -(2**63)], torch.int64)
    found = elementwise(f"%r = arith.{name} %a, %b : tensor<Nxi64>", a, b, output=torch.int64)
    expected = [_wrap(INTEGER[name](x, y), 64) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert found.tolist() == expected


@pytest.mark.parametrize(("dtype", "bits"), [(torch.int32, 32), (torch.int64, 64)])
def test_the_upper_half_of_an_unsigned_product(dtype: torch.dtype, bits: int) -> None:
    a, b = _pairs([0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), 0x12345678], dtype)
    found = elementwise(f"%r = tt.mulhiui %a, %b : tensor<Nxi{bits}>", a, b, output=dtype)
    for x, y, z in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        assert z == _wrap(_unsigned(x, bits) * _unsigned(y, bits) >> bits, bits)


@pytest.mark.parametrize(
    ("predicate", "compare"),
    [
        ("eq", lambda a, b: a == b),
        ("ne", lambda a, b: a != b),
        ("slt", lambda a, b: a < b),
        ("sge", lambda a, b: a >= b),
        ("ult", lambda a, b: _unsigned(a) < _unsigned(b)),
        ("uge", lambda a, b: _unsigned(a) >= _unsigned(b)),
    ],
)
def test_integer_comparisons(predicate: str, compare: object) -> None:
    a, b = _pairs(EDGES32, torch.int32)
    body = f"%c = arith.cmpi {predicate}, %a, %b : tensor<Nxi32>\n%r = arith.extui %c : tensor<Nxi1> to tensor<Nxi32>"
    found = elementwise(body, a, b, output=torch.int32)
    assert found.tolist() == [int(compare(x, y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]  # type: ignore[operator]


@pytest.mark.parametrize(
    "predicate", ["oeq", "ogt", "oge", "olt", "ole", "one", "ord", "ueq", "ugt", "uge", "ult", "ule", "une", "uno"]
)
def test_float_comparisons_are_ordered_or_not(predicate: str) -> None:
    values = [0.0, 1.0, NAN, INF]
    a = torch.tensor([x for x in values for _ in values])
    b = torch.tensor([y for _ in values for y in values])
    plain = {"eq": float.__eq__, "gt": float.__gt__, "ge": float.__ge__, "lt": float.__lt__, "le": float.__le__}
    body = f"%c = arith.cmpf {predicate}, %a, %b : tensor<Nxf32>\n%r = arith.extui %c : tensor<Nxi1> to tensor<Nxi32>"
    found = elementwise(body, a, b, output=torch.int32)
    for x, y, z in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        unordered = math.isnan(x) or math.isnan(y)
        if predicate in ("ord", "uno"):
            expected = unordered == (predicate == "uno")
        elif unordered:
            expected = predicate[0] == "u"
        else:
            expected = x != y if predicate[1:] == "ne" else plain[predicate[1:]](x, y)
        assert z == int(expected), (predicate, x, y)


def test_maxnum_ignores_nan_and_maximum_propagates_it() -> None:
    a, b = torch.tensor([NAN, 1.0, NAN]), torch.tensor([2.0, NAN, NAN])
    number = elementwise("%r = arith.maxnumf %a, %b : tensor<Nxf32>", a, b, output=torch.float32)
    maximum = elementwise("%r = arith.maximumf %a, %b : tensor<Nxf32>", a, b, output=torch.float32)
    assert number[:2].tolist() == [2.0, 1.0]
    assert torch.isnan(number[2])
    assert torch.isnan(maximum).all()


def test_float_to_integer_saturates_and_nan_becomes_zero() -> None:
    a = torch.tensor([1.9, -1.9, 3e9, -3e9, NAN, INF, -INF])
    found = elementwise("%r = arith.fptosi %a : tensor<Nxf32> to tensor<Nxi32>", a, output=torch.int32)
    assert found.tolist() == [1, -1, 2**31 - 1, -(2**31), 0, 2**31 - 1, -(2**31)]
    found = elementwise("%r = arith.fptoui %a : tensor<Nxf32> to tensor<Nxi32>", a, output=torch.int32)
    assert [_unsigned(x) for x in found.tolist()] == [1, 0, 3_000_000_000, 0, 0, 2**32 - 1, 0]


def test_half_types_are_rounded_after_every_operation() -> None:
    a = torch.tensor([2048.0, 0.1], dtype=torch.float16)
    b = torch.tensor([1.0, 0.2], dtype=torch.float16)
    body = "%t = arith.addf %a, %b : tensor<Nxf16>\n%r = arith.subf %t, %a : tensor<Nxf16>"
    assert torch.equal(elementwise(body, a, b, output=torch.float16), (a + b) - a)


@pytest.mark.parametrize(
    ("literal", "kind", "dtype", "value"),
    [
        ("dense<0xFF800000>", "f32", torch.float32, -INF),
        ("dense<0x7C00>", "f16", torch.float16, INF),
        ("dense<0xFF80>", "bf16", torch.bfloat16, -INF),
        ("dense<0x7FF0000000000000>", "f64", torch.float64, INF),
        ("dense<-1.250000e-01>", "f32", torch.float32, -0.125),
        ("dense<-5>", "i8", torch.int8, -5),
        ("dense<true>", "i1", torch.bool, True),
    ],
)
def test_constants_in_every_notation(literal: str, kind: str, dtype: torch.dtype, value: object) -> None:
    found = elementwise(f"%r = arith.constant {literal} : tensor<Nx{kind}>", torch.zeros(2), output=dtype)
    assert found.tolist() == [value, value]


def test_a_constant_may_list_its_elements() -> None:
    found = elementwise("%r = arith.constant dense<[1, 2, 4, 8]> : tensor<4xi32>", torch.zeros(4), output=torch.int32)
    assert found.tolist() == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("symbol", "reference"),
    [
        ("__nv_tanhf", torch.tanh),
        ("__nv_erff", torch.erf),
        ("__nv_expf", torch.exp),
        ("__nv_fast_expf", torch.exp),
        ("__nv_logf", torch.log),
        ("__nv_rsqrtf", torch.rsqrt),
        ("__nv_log1pf", torch.log1p),
        ("__nv_fabsf", torch.abs),
        ("__nv_floorf", torch.floor),
        ("__nv_sqrtf", torch.sqrt),
        ("__nv_sinf", torch.sin),
    ],
)
def test_libdevice_functions_are_known_by_symbol(symbol: str, reference: object) -> None:
    a = torch.linspace(0.1, 3.0, 16)
    attributes = f'{{libname = "", libpath = "", pure = true, symbol = "{symbol}"}}'
    body = f"%r = tt.extern_elementwise %a {attributes} : (tensor<Nxf32>) -> tensor<Nxf32>"
    torch.testing.assert_close(elementwise(body, a, output=torch.float32), reference(a))  # type: ignore[operator]


@pytest.mark.parametrize(
    "name",
    ["exp", "exp2", "log", "log2", "sin", "cos", "sqrt", "rsqrt", "tanh", "erf", "floor", "ceil"],
)
def test_math_operations(name: str) -> None:
    a = torch.linspace(0.1, 3.0, 16)
    found = elementwise(f"%r = math.{name} %a : tensor<Nxf32>", a, output=torch.float32)
    torch.testing.assert_close(found, getattr(torch, name)(a))


def test_index_sums_that_would_wrap_do_wrap() -> None:
    text = """module { tt.func public @k(%p: !tt.ptr<i32>) {
      %big = arith.constant dense<2147483647> : tensor<4x1xi32>
      %r = tt.make_range {end = 4 : i32, start = 0 : i32} : tensor<4xi32>
      %row = tt.expand_dims %r {axis = 1 : i32} : tensor<4xi32> -> tensor<4x1xi32>
      %col = tt.expand_dims %r {axis = 0 : i32} : tensor<4xi32> -> tensor<1x4xi32>
      %far = arith.subi %big, %row : tensor<4x1xi32>
      %x = tt.broadcast %far : tensor<4x1xi32> -> tensor<4x4xi32>
      %y = tt.broadcast %col : tensor<1x4xi32> -> tensor<4x4xi32>
      %s = arith.addi %x, %y : tensor<4x4xi32>
      %four = arith.constant dense<4> : tensor<4x1xi32>
      %m = arith.muli %row, %four : tensor<4x1xi32>
      %mb = tt.broadcast %m : tensor<4x1xi32> -> tensor<4x4xi32>
      %o = arith.addi %mb, %y : tensor<4x4xi32>
      %ps = tt.splat %p : !tt.ptr<i32> -> tensor<4x4x!tt.ptr<i32>>
      %q = tt.addptr %ps, %o : tensor<4x4x!tt.ptr<i32>>, tensor<4x4xi32>
      tt.store %q, %s : tensor<4x4x!tt.ptr<i32>>
      tt.return } }"""
    out = torch.zeros(16, dtype=torch.int32)
    launch(text, (1, 1, 1), out)
    assert out.tolist() == [_wrap(2**31 - 1 - i + j, 32) for i in range(4) for j in range(4)]


def test_a_fused_multiply_add_of_doubles_is_rounded_once_where_its_parts_over_or_underflow() -> None:
    draw = random.Random(5)
    rows = []
    for _ in range(3000):
        exponents = draw.choice([(1000, 20), (-560, -500), (-1060, 5), (700, 300), (1023, 0), (-1070, -20), (0, -1040)])
        a, b = (math.ldexp(draw.uniform(0.5, 1), e + draw.randint(-9, 0)) * draw.choice((-1, 1)) for e in exponents)
        c = math.ldexp(draw.uniform(0.5, 1), min(1024, max(-1073, sum(exponents) + draw.choice((-70, -1, 0, 1, 52)))))
        rows.append((a, b, -c if draw.random() < 0.5 else c))
    tiny, huge = 5e-324, 1.7976931348623157e308
    rows += [(tiny, 0.5, tiny), (tiny, -0.5, tiny), (tiny, 0.75, 1.0), (huge, huge, -huge), (-1.157, -huge, -huge)]
    rows += [(2.0**-1022, 2.0**-52, huge), (1 + 2.0**-52, 2.0**-1022, -(2.0**-1022)), (2.0**-1000, 2.0**-74, tiny)]
    operands = (torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True))
    result = elementwise("%r = math.fma %a, %b, %c : tensor<Nxf64>", *operands, output=torch.float64)
    assert result.tolist() == [_nearest(Fraction(x) * Fraction(y) + Fraction(z)) for x, y, z in rows]


def _nearest(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_a_fused_multiply_add_keeps_the_sign_of_zero(dtype: torch.dtype) -> None:
    a = torch.tensor([1.0, 1.0, 2.0, -1.0], dtype=dtype)
    b = torch.tensor([-0.0, 0.0, 3.0, 0.0], dtype=dtype)
    c = torch.tensor([-0.0, -0.0, -6.0, -0.0], dtype=dtype)
    kind = {torch.float64: "f64", torch.float32: "f32", torch.float16: "f16"}[dtype]
    result = elementwise(f"%r = math.fma %a, %b, %c : tensor<Nx{kind}>", a, b, c, output=dtype)
    assert result.tolist() == [0, 0, 0, 0]
    assert torch.signbit(result).tolist() == [True, False, False, True]
