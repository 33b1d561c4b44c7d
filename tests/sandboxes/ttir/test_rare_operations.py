"""Operations that Triton registers and its frontend seldom or never emits, written as text."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.sandboxes.ttir.text import elementwise

NAN, INF = math.nan, math.inf
INTEGERS = [0, 1, -1, 7, -7, 2**31 - 1, -(2**31), 0x00F0F000]
FLOATS = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.7, -1e-40, INF, -INF, NAN]


def _pairs(values: list[int]) -> tuple[Tensor, Tensor]:
    a = [x for x in values for _ in values]
    b = [y for _ in values for y in values]
    return torch.tensor(a, dtype=torch.int32), torch.tensor(b, dtype=torch.int32)


def _wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def _unsigned(value: int) -> int:
    return value % 2**32


def _power(a: int, b: int) -> int:
    if b < 0:
        return {1: 1, -1: -1 if b % 2 else 1}.get(a, 0)
    return pow(a, b, 2**32)


BINARY: dict[str, Callable[[int, int], int]] = {
    "arith.ceildivui": lambda a, b: -(-_unsigned(a) // _unsigned(b)) if b else -1,
    "arith.floordivsi": lambda a, b: a // b if b else -1,
    "arith.ceildivsi": lambda a, b: -(-a // b) if b else -1,
    "math.ipowi": _power,
}


@pytest.mark.parametrize("name", sorted(BINARY))
def test_integer_operations(name: str) -> None:
    a, b = _pairs(INTEGERS)
    found = elementwise(f"%r = {name} %a, %b : tensor<Nxi32>", a, b, output=torch.int32)
    assert found.tolist() == [_wrap(BINARY[name](x, y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]


UNARY: dict[str, Callable[[int], int]] = {
    "math.ctpop": lambda x: _unsigned(x).bit_count(),
    "math.ctlz": lambda x: 32 - _unsigned(x).bit_length(),
    "math.cttz": lambda x: (_unsigned(x) & -_unsigned(x)).bit_length() - 1 if x else 32,
    "math.absi": abs,
}


@pytest.mark.parametrize("name", sorted(UNARY))
def test_functions_of_one_integer(name: str) -> None:
    a = torch.tensor(INTEGERS, dtype=torch.int32)
    found = elementwise(f"%r = {name} %a : tensor<Nxi32>", a, output=torch.int32)
    assert found.tolist() == [_wrap(UNARY[name](x)) for x in INTEGERS]


EXTENDED: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "mului_extended": lambda a, b: (a * b, _unsigned(a) * _unsigned(b) >> 32),
    "mulsi_extended": lambda a, b: (a * b, a * b >> 32),
    "addui_extended": lambda a, b: (a + b, int(_unsigned(a) + _unsigned(b) >= 2**32)),
    "subui_extended": lambda a, b: (a - b, int(_unsigned(a) < _unsigned(b))),
}


@pytest.mark.parametrize("name", sorted(EXTENDED))
@pytest.mark.parametrize("part", [0, 1])
def test_operations_with_two_results(name: str, part: int) -> None:
    a, b = _pairs(INTEGERS)
    second = "i1" if "add" in name or "sub" in name else "i32"
    body = f"%s, %t = arith.{name} %a, %b : tensor<Nxi32>" + (", tensor<Nxi1>" if second == "i1" else "")
    if part and second == "i1":
        body += "\n%r = arith.extui %t : tensor<Nxi1> to tensor<Nxi32>"
    else:
        body += (
            f"\n%zero = arith.constant dense<0> : tensor<Nxi32>\n%r = arith.addi %{'st'[part]}, %zero : tensor<Nxi32>"
        )
    found = elementwise(body, a, b, output=torch.int32)
    expected = [_wrap(EXTENDED[name](x, y)[part]) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    assert found.tolist() == expected


QUESTIONS: dict[str, Callable[[float], bool]] = {
    "isnan": math.isnan,
    "isinf": math.isinf,
    "isfinite": math.isfinite,
    "isnormal": lambda x: math.isfinite(x) and abs(x) >= 2.0**-126,
}


@pytest.mark.parametrize("name", sorted(QUESTIONS))
@pytest.mark.parametrize(("dtype", "kind"), [(torch.float32, "f32"), (torch.bfloat16, "bf16")])
def test_questions_about_floats(name: str, dtype: torch.dtype, kind: str) -> None:
    a = torch.tensor(FLOATS).to(dtype)
    body = f"%q = math.{name} %a : tensor<Nx{kind}>\n%r = arith.extui %q : tensor<Nxi1> to tensor<Nxi32>"
    found = elementwise(body, a, output=torch.int32)
    assert found.tolist() == [int(QUESTIONS[name](x)) for x in a.double().tolist()]


def _away(x: float) -> float:
    return math.copysign(math.floor(abs(x) + 0.5), x)


WHOLE: dict[str, Callable[[float], float]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "trunc": math.trunc,
    "round": _away,
    "roundeven": round,
}


@pytest.mark.parametrize("name", sorted(WHOLE))
@pytest.mark.parametrize(("dtype", "kind"), [(torch.float32, "f32"), (torch.float16, "f16"), (torch.float64, "f64")])
def test_rounding_to_whole_numbers_keeps_special_values_and_signs(name: str, dtype: torch.dtype, kind: str) -> None:
    a = torch.tensor(FLOATS, dtype=torch.float64).to(dtype)
    found = elementwise(f"%r = math.{name} %a : tensor<Nx{kind}>", a, output=dtype).tolist()
    for x, y in zip(a.tolist(), found, strict=True):
        if math.isfinite(x):
            assert y == WHOLE[name](x)
            assert y != 0 or name == "ceil" or name == "floor" or math.copysign(1, y) == math.copysign(1, x)
        else:
            assert y == x or (math.isnan(x) and math.isnan(y))


def test_signs_and_bounds_of_floats() -> None:
    a, b = torch.tensor([1.0, -2.0, 0.0, NAN]), torch.tensor([-0.0, 1.0, -3.0, 1.0])
    found = elementwise("%r = math.copysign %a, %b : tensor<Nxf32>", a, b, output=torch.float32)
    assert [math.copysign(1, x) for x in found.tolist()[:3]] == [-1, 1, -1]
    assert elementwise("%r = math.absf %a : tensor<Nxf32>", a, output=torch.float32)[:3].tolist() == [1.0, 2.0, 0.0]
    low, high = torch.full((4,), -1.0), torch.full((4,), 0.5)
    body = "%r = math.clampf %a to [%b, %c] : tensor<Nxf32>"
    clamped = elementwise(body, a, low, high, output=torch.float32)
    assert clamped[:3].tolist() == [0.5, -1.0, 0.0]
    assert torch.isnan(clamped[3])
    body = "%r = math.fpowi %a, %b : tensor<Nxf32>, tensor<Nxi32>"
    powers = elementwise(
        body, torch.tensor([1.5, -2.0]), torch.tensor([2, -3], dtype=torch.int32), output=torch.float32
    )
    assert powers.tolist() == [2.25, -0.125]


@pytest.mark.parametrize("part", [0, 1])
def test_sine_and_cosine_at_once(part: int) -> None:
    a = torch.linspace(-9.0, 9.0, 64)
    body = f"%s, %c = math.sincos %a : tensor<Nxf32>\n%r = math.absf %{'sc'[part]} : tensor<Nxf32>"
    expected = (torch.sin, torch.cos)[part](a.double()).abs().float()
    torch.testing.assert_close(elementwise(body, a, output=torch.float32), expected, rtol=1e-6, atol=1e-7)


def test_poison_is_some_value_and_subnormals_can_be_flushed() -> None:
    a = torch.tensor([1e-40, -1e-40, 1.0])
    assert elementwise("%r = ub.poison : tensor<Nxf32>", a, output=torch.float32).shape == (3,)
    found = elementwise("%r = arith.flush_denormals %a : tensor<Nxf32>", a, output=torch.float32)
    assert found.tolist() == [0.0, -0.0, 1.0]
    assert torch.signbit(found).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("addi", [0, 1, 1, 0]),
        ("subi", [0, 1, 1, 0]),
        ("muli", [0, 0, 0, 1]),
        ("andi", [0, 0, 0, 1]),
        ("ori", [0, 1, 1, 1]),
        ("xori", [0, 1, 1, 0]),
        ("maxsi", [0, 0, 0, 1]),
        ("minsi", [0, 1, 1, 1]),
        ("maxui", [0, 1, 1, 1]),
        ("minui", [0, 0, 0, 1]),
    ],
)
def test_single_bits_are_numbers_of_one_bit(name: str, expected: list[int]) -> None:
    a, b = torch.tensor([0, 0, 1, 1], dtype=torch.int32), torch.tensor([0, 1, 0, 1], dtype=torch.int32)
    body = (
        "%x = arith.trunci %a : tensor<Nxi32> to tensor<Nxi1>\n%y = arith.trunci %b : tensor<Nxi32> to tensor<Nxi1>\n"
        f"%z = arith.{name} %x, %y : tensor<Nxi1>\n%r = arith.extui %z : tensor<Nxi1> to tensor<Nxi32>"
    )
    assert elementwise(body, a, b, output=torch.int32).tolist() == expected


@pytest.mark.parametrize("predicate", ["slt", "ult", "sge", "uge"])
def test_a_single_set_bit_is_minus_one_with_a_sign(predicate: str) -> None:
    a, b = torch.tensor([0, 0, 1, 1], dtype=torch.int32), torch.tensor([0, 1, 0, 1], dtype=torch.int32)
    body = (
        "%x = arith.trunci %a : tensor<Nxi32> to tensor<Nxi1>\n%y = arith.trunci %b : tensor<Nxi32> to tensor<Nxi1>\n"
        f"%z = arith.cmpi {predicate}, %x, %y : tensor<Nxi1>\n%r = arith.extui %z : tensor<Nxi1> to tensor<Nxi32>"
    )
    sign = -1 if predicate[0] == "s" else 1
    compare = [sign * x < sign * y for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    expected = compare if predicate.endswith("lt") else [not c for c in compare]
    assert elementwise(body, a, b, output=torch.int32).tolist() == [int(e) for e in expected]
