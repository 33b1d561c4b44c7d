"""Every function of Triton's libdevice module computes what C's and CUDA's manuals say."""

import inspect
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest import mock

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor
from triton.language import core
from triton.language.extra.cuda import libdevice

from sandboxes.ttir.operations.libdevice import SYMBOLS, UNSUPPORTED
from tests.sandboxes.ttir.text import elementwise

NAN, INF = math.nan, math.inf
Signature = tuple[tuple[str, ...], str]


def _symbols() -> dict[str, Signature]:
    """Operand types and result type of every symbol that the module names, asked from the module itself."""
    found: dict[str, Signature] = {}

    def record(name: str, path: str, args: list[Any], table: dict[Any, Any], *rest: Any, **more: Any) -> Any:
        for types, (symbol, result) in table.items():
            found[symbol] = (tuple(str(t) for t in types), str(result))
        return mock.MagicMock()

    original = core.extern_elementwise
    core.extern_elementwise = record
    try:
        for function in vars(libdevice).values():
            if inspect.isfunction(function) and function.__module__ == libdevice.__name__:
                count = len(inspect.signature(function).parameters) - 1
                function(*[None] * count, _semantic=object())
    finally:
        core.extern_elementwise = original
    return found


DECLARED = _symbols()
TORCH = {"fp32": torch.float32, "fp64": torch.float64, "int32": torch.int32, "int64": torch.int64}
TTIR = {"fp32": "f32", "fp64": "f64", "int32": "i32", "int64": "i64"}


def _call(symbol: str, *operands: Tensor) -> Tensor:
    types, result = DECLARED[symbol]
    kinds = [name.replace("uint", "int") for name in (*types, result)]
    inputs = ", ".join(f"tensor<Nx{TTIR[kind]}>" for kind in kinds[:-1])
    names = ", ".join(f"%{'abcd'[i]}" for i in range(len(types)))
    attributes = f'{{libname = "", libpath = "", pure = true, symbol = "{symbol}"}}'
    body = f"%r = tt.extern_elementwise {names} {attributes} : ({inputs}) -> tensor<Nx{TTIR[kinds[-1]]}>"
    return elementwise(body, *operands, output=TORCH[kinds[-1]])


def test_the_module_was_found() -> None:
    assert len(DECLARED) > 300


@pytest.mark.parametrize("symbol", sorted(DECLARED))
def test_every_symbol_has_a_meaning_or_a_reason(symbol: str) -> None:
    assert (symbol in SYMBOLS) != (symbol in UNSUPPORTED)


@pytest.mark.parametrize("symbol", sorted(set(DECLARED) - set(UNSUPPORTED)))
def test_every_symbol_runs_on_its_declared_types(symbol: str) -> None:
    operands = [torch.ones(4, dtype=TORCH[name.replace("uint", "int")]) for name in DECLARED[symbol][0]]
    assert _call(symbol, *operands).shape == (4,)


# -- real functions --------------------------------------------------------------------------------------------------

POSITIVE = [1e-30, 1e-5, 0.1, 0.5, 0.999, 1.0, 1.001, 2.0, 2.71828, 10.0, 33.3, 1e5, 1e20]
REAL = [*(-x for x in POSITIVE), 0.0, *POSITIVE]
SMALL = [-8.5, -3.0, -2.5, -1.0, -0.75, -0.1, -1e-6, 0.0, 1e-6, 0.1, 0.3, 0.75, 1.0, 2.0, 2.5, 3.3, 8.5]
UNIT = [-0.999, -0.9, -0.5, -0.25, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 0.25, 0.5, 0.9, 0.999]
OPEN = [1e-10, 1e-3, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999]


def _normal_quantile(x: Any) -> Any:
    return mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1)


def _length(*parts: Any) -> Any:
    return mpmath.sqrt(sum(part * part for part in parts))


UNARY: dict[str, tuple[Callable[..., Any], list[float], float]] = {
    "exp": (mpmath.exp, SMALL, 1),
    "exp2": (lambda x: mpmath.mpf(2) ** x, SMALL, 1),
    "exp10": (lambda x: mpmath.mpf(10) ** x, SMALL, 1),
    "expm1": (mpmath.expm1, SMALL, 1),
    "log": (mpmath.log, POSITIVE, 1),
    "log2": (lambda x: mpmath.log(x, 2), POSITIVE, 2),
    "log10": (mpmath.log10, POSITIVE, 1),
    "log1p": (mpmath.log1p, [x for x in SMALL if x > -1], 2),
    "sqrt": (mpmath.sqrt, POSITIVE, 0.5),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), POSITIVE, 1.5),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), REAL, 1),
    "rcbrt": (lambda x: mpmath.sign(x) / mpmath.cbrt(abs(x)), POSITIVE, 2),
    "sin": (mpmath.sin, SMALL, 1),
    "cos": (mpmath.cos, SMALL, 1),
    "tan": (mpmath.tan, SMALL, 1.5),
    "sinpi": (mpmath.sinpi, SMALL, 1.5),
    "cospi": (mpmath.cospi, SMALL, 1.5),
    "asin": (mpmath.asin, UNIT, 1.5),
    "acos": (mpmath.acos, UNIT, 1.5),
    "atan": (mpmath.atan, REAL, 1.5),
    "sinh": (mpmath.sinh, SMALL, 2),
    "cosh": (mpmath.cosh, SMALL, 1),
    "tanh": (mpmath.tanh, SMALL, 1),
    "asinh": (mpmath.asinh, REAL, 2),
    "acosh": (mpmath.acosh, [1.0, 1.001, 2.0, 10.0, 1e5], 2),
    "atanh": (mpmath.atanh, UNIT, 2),
    "erf": (mpmath.erf, SMALL, 1.5),
    "erfc": (mpmath.erfc, SMALL, 4),
    "erfcx": (lambda x: mpmath.exp(mpmath.mpf(x) ** 2) * mpmath.erfc(x), [x for x in SMALL if x > -3], 2),
    "erfinv": (mpmath.erfinv, UNIT, 4),
    "erfcinv": (lambda x: mpmath.erfinv(1 - x), [0.1, 0.25, 0.5, 0.75, 1.5, 1.9], 4),
    "normcdf": (mpmath.ncdf, SMALL, 4),
    "normcdfinv": (_normal_quantile, OPEN[1:], 4),
    "lgamma": (lambda x: mpmath.log(abs(mpmath.gamma(x))), [0.1, 0.5, 2.5, 3.3, 10.0, 33.3, -0.5, -2.5], 8),
    "tgamma": (mpmath.gamma, [0.1, 0.5, 1.0, 2.5, 3.3, 5.0, 10.0, 20.5, -0.5, -1.5, -2.25], 60),
    "j0": (lambda x: mpmath.besselj(0, x), SMALL, 8),
    "j1": (lambda x: mpmath.besselj(1, x), SMALL, 8),
    "y0": (lambda x: mpmath.bessely(0, x), [0.1, 0.5, 1.0, 2.0, 5.0, 8.5], 8),
    "y1": (lambda x: mpmath.bessely(1, x), [0.1, 0.5, 1.0, 2.0, 5.0, 8.5], 8),
    "cyl_bessel_i0": (lambda x: mpmath.besseli(0, x), SMALL, 4),
    "cyl_bessel_i1": (lambda x: mpmath.besseli(1, x), SMALL, 4),
    "floor": (mpmath.floor, SMALL, 0),
    "ceil": (mpmath.ceil, SMALL, 0),
    "trunc": (lambda x: mpmath.mpf(int(x)), SMALL, 0),
    "rint": (mpmath.nint, SMALL, 0),
    "nearbyint": (mpmath.nint, SMALL, 0),
    "round": (lambda x: mpmath.sign(x) * mpmath.floor(abs(x) + mpmath.mpf(0.5)), SMALL, 0),
    "fabs": (abs, REAL, 0),
    "logb": (lambda x: mpmath.mpf(math.frexp(x)[1] - 1), POSITIVE, 0),
}
DOUBLE = {**dict.fromkeys(("j0", "j1", "y0", "y1"), 1e9), "normcdf": 64.0, "erfcx": 3.0}
"""Bounds of functions that are worse in float64: torch's Bessel functions are good to seven digits."""

PAIRS = [(a, b) for a in (-7.25, -1.0, 0.3, 1.0, 2.5, 100.0) for b in (-3.0, -0.4, 0.4, 1.75, 5.0)]
BINARY: dict[str, tuple[Callable[..., Any], float]] = {
    "atan2": (mpmath.atan2, 1.5),
    "hypot": (_length, 2),
    "rhypot": (lambda a, b: 1 / _length(a, b), 2),
    "fmod": (lambda a, b: mpmath.mpf(math.fmod(a, b)), 0),
    "remainder": (lambda a, b: mpmath.mpf(math.remainder(a, b)), 0),
    "fdim": (lambda a, b: max(mpmath.mpf(a) - b, mpmath.mpf(0)), 0.5),
    "copysign": (lambda a, b: mpmath.mpf(math.copysign(a, b)), 0),
}


def _off_by(found: float, exact: Any, dtype: torch.dtype) -> float:
    """Distance in units in the last place of the exact value."""
    if math.isnan(found) or math.isinf(found):
        return INF
    if exact == 0:
        return 0.0 if found == 0 else INF
    digits = 24 if dtype == torch.float32 else 53
    unit = mpmath.mpf(2) ** (int(mpmath.floor(mpmath.log(abs(exact), 2))) - digits + 1)
    return float(abs(mpmath.mpf(found) - exact) / unit)


def _worst(symbol: str, function: Callable[..., Any], rows: list[tuple[float, ...]]) -> float:
    dtype = TORCH[DECLARED[symbol][0][0]]
    operands = [torch.tensor(column, dtype=torch.float64).to(dtype) for column in zip(*rows, strict=True)]
    found = _call(symbol, *operands).double().tolist()
    worst = 0.0
    with mpmath.workprec(200):
        for row, value in zip(zip(*(x.double().tolist() for x in operands), strict=True), found, strict=True):
            worst = max(worst, _off_by(value, mpmath.mpf(function(*(mpmath.mpf(x) for x in row))), dtype))
    return worst


@pytest.mark.parametrize("width", ["f", ""])
@pytest.mark.parametrize("name", sorted(UNARY))
def test_a_function_of_one_number_is_within_its_bound(name: str, width: str) -> None:
    function, values, bound = UNARY[name]
    if not width:
        bound = DOUBLE.get(name, bound)
    assert _worst(f"__nv_{name}{width}", function, [(x,) for x in values]) <= bound


@pytest.mark.parametrize("width", ["f", ""])
@pytest.mark.parametrize("name", sorted(BINARY))
def test_a_function_of_two_numbers_is_within_its_bound(name: str, width: str) -> None:
    function, bound = BINARY[name]
    assert _worst(f"__nv_{name}{width}", function, PAIRS) <= bound


@pytest.mark.parametrize("symbol", ["__nv_powf", "__nv_pow", "__nv_fast_powf"])
def test_powers_with_a_positive_base(symbol: str) -> None:
    assert _worst(symbol, lambda a, b: a**b, [(abs(a), b) for a, b in PAIRS]) <= 1


@pytest.mark.parametrize("name", ["fast_sinf", "fast_cosf", "fast_tanf", "fast_expf", "fast_exp10f"])
def test_a_fast_function_is_computed_as_well_as_the_slow_one(name: str) -> None:
    function, values, bound = UNARY[name.removeprefix("fast_").removesuffix("f")]
    assert _worst(f"__nv_{name}", function, [(x,) for x in values]) <= bound


@pytest.mark.parametrize("name", ["fast_logf", "fast_log2f", "fast_log10f"])
def test_a_fast_logarithm_is_computed_as_well_as_the_slow_one(name: str) -> None:
    function, values, bound = UNARY[name.removeprefix("fast_").removesuffix("f")]
    assert _worst(f"__nv_{name}", function, [(x,) for x in values]) <= bound


@pytest.mark.parametrize("width", ["f", ""])
@pytest.mark.parametrize("count", [3, 4])
def test_norms_do_not_overflow_on_the_way(count: int, width: str) -> None:
    rows = [(3.0, 4.0, 12.0, 84.0)[:count], (1e-20, 2e-20, 2e-20, 0.0)[:count], (3e18, 4e18, 0.0, 1.0)[:count]]
    assert _worst(f"__nv_norm{count}d{width}", _length, rows) <= 1
    assert _worst(f"__nv_rnorm{count}d{width}", lambda *parts: 1 / _length(*parts), rows) <= 1.5
    infinite = [torch.tensor([x], dtype=torch.float32 if width else torch.float64) for x in (NAN, INF, 1.0, 1.0)]
    assert _call(f"__nv_norm{count}d{width}", *infinite[:count]).item() == INF


SPECIAL: list[tuple[str, tuple[float, ...], float]] = [
    ("expf", (-INF,), 0.0),
    ("expf", (INF,), INF),
    ("logf", (0.0,), -INF),
    ("logf", (-1.0,), NAN),
    ("sqrtf", (-1.0,), NAN),
    ("sqrtf", (-0.0,), -0.0),
    ("rsqrtf", (0.0,), INF),
    ("rsqrtf", (-0.0,), -INF),
    ("tanhf", (INF,), 1.0),
    ("sinf", (INF,), NAN),
    ("roundf", (-0.4,), -0.0),
    ("roundf", (0.49999997,), 0.0),
    ("rintf", (2.5,), 2.0),
    ("remainderf", (5.0, 2.0), 1.0),
    ("remainderf", (-0.0, 2.0), -0.0),
    ("remainderf", (3.0, INF), 3.0),
    ("remainderf", (3.0, 0.0), NAN),
    ("fmodf", (-0.0, 2.0), -0.0),
    ("fdimf", (NAN, 1.0), NAN),
    ("fdimf", (INF, INF), 0.0),
    ("nextafterf", (1.0, 2.0), 1.0 + 2.0**-23),
    ("nextafterf", (0.0, -1.0), -(2.0**-149)),
    ("copysignf", (3.0, -0.0), -3.0),
    ("powf", (-2.0, 3.0), -8.0),
    ("powf", (-2.0, 0.5), NAN),
    ("powf", (0.0, 0.0), 1.0),
    ("powf", (NAN, 0.0), 1.0),
    ("tgammaf", (5.0,), 24.0),
    ("tgammaf", (-1.0,), NAN),
    ("tgammaf", (-0.0,), -INF),
    ("lgammaf", (-1.0,), INF),
    ("logbf", (0.0,), -INF),
    ("logbf", (-INF,), INF),
    ("logbf", (2.0**-140,), -140.0),
    ("saturatef", (NAN,), 0.0),
    ("saturatef", (7.0,), 1.0),
    ("saturatef", (0.25,), 0.25),
    ("hypotf", (NAN, INF), INF),
    ("cbrtf", (-27.0,), -3.0),
    ("cospif", (0.5,), 0.0),
    ("sinpif", (1.0,), 0.0),
    ("fast_fdividef", (1.0, 0.0), INF),
    ("frsqrt_rn", (4.0,), 0.5),
    ("normcdfinvf", (0.0,), -INF),
    ("erfinvf", (1.0,), INF),
    ("erfcinvf", (0.0,), INF),
]


@pytest.mark.parametrize(("name", "operands", "expected"), SPECIAL)
def test_special_values(name: str, operands: tuple[float, ...], expected: float) -> None:
    found = _call(f"__nv_{name}", *(torch.tensor([x]) for x in operands)).item()
    assert math.isnan(found) if math.isnan(expected) else found == expected
    assert math.isnan(expected) or math.copysign(1, found) == math.copysign(1, expected)


# -- directed rounding -----------------------------------------------------------------------------------------------

NUMBERS = [1.0, -1.0, 3.0, 1 / 3, -0.7, 1e10 + 1, 1e-10, 2.0**-30, -(2.0**24) - 1, 1.2345678]
ARITHMETIC: dict[str, tuple[int, Callable[..., Fraction]]] = {
    "add": (2, lambda a, b: a + b),
    "sub": (2, lambda a, b: a - b),
    "mul": (2, lambda a, b: a * b),
    "div": (2, lambda a, b: a / b),
    "rcp": (1, lambda a: 1 / a),
    "fma": (3, lambda a, b, c: a * b + c),
}


def _fits(found: float, exact: Fraction, mode: str, kind: type) -> bool:
    """Whether ``found`` is the number that the mode chooses."""
    above = Fraction(float(np.nextafter(kind(found), kind(INF))))
    below = Fraction(float(np.nextafter(kind(found), kind(-INF))))
    value = Fraction(found)
    if mode == "rn":
        return abs(value - exact) <= min(above - exact, exact - below, key=abs) or value == exact
    if mode == "rd" or (mode == "rz" and exact >= 0):
        return value <= exact < above
    return below < exact <= value


@pytest.mark.parametrize("mode", ["rn", "rz", "rd", "ru"])
@pytest.mark.parametrize("name", sorted(ARITHMETIC))
@pytest.mark.parametrize("width", ["f", "d"])
def test_arithmetic_rounds_in_the_direction_of_its_name(name: str, width: str, mode: str) -> None:
    symbol = f"__nv_{width}{name}_{mode}" if name != "fma" else f"__nv_fma{'f' if width == 'f' else ''}_{mode}"
    if symbol not in DECLARED:
        pytest.skip(f"Triton does not declare {symbol}")
    count, exact = ARITHMETIC[name]
    rows = [(a, b, c) for a in NUMBERS for b in NUMBERS for c in (-a * b, 1e-8, b)]
    dtype, kind = (torch.float32, np.float32) if width == "f" else (torch.float64, np.float64)
    operands = [torch.tensor(column, dtype=torch.float64).to(dtype) for column in zip(*rows, strict=True)][:count]
    found = _call(symbol, *operands).double().tolist()
    for row, value in zip(zip(*(x.double().tolist() for x in operands), strict=True), found, strict=True):
        assert _fits(value, exact(*(Fraction(x) for x in row)), mode, kind), (row, value)


@pytest.mark.parametrize("mode", ["rn", "rz", "rd", "ru"])
@pytest.mark.parametrize("width", ["f", "d"])
def test_square_roots_round_in_the_direction_of_their_name(width: str, mode: str) -> None:
    dtype, kind = (torch.float32, np.float32) if width == "f" else (torch.float64, np.float64)
    x = torch.tensor([abs(n) for n in NUMBERS] + [4.0], dtype=torch.float64).to(dtype)
    for value, found in zip(x.double().tolist(), _call(f"__nv_{width}sqrt_{mode}", x).double().tolist(), strict=True):
        above = Fraction(float(np.nextafter(kind(found), kind(INF)))) ** 2
        below = Fraction(float(np.nextafter(kind(found), kind(-INF)))) ** 2
        square, exact = Fraction(found) ** 2, Fraction(value)
        if mode in ("rd", "rz"):
            assert square <= exact < above
        elif mode == "ru":
            assert below < exact <= square
        else:
            assert abs(found - math.sqrt(value)) <= abs(float(np.spacing(kind(found)))) / 2


INTEGERS = [0, 1, -1, 2**24 + 1, -(2**24) - 1, 2**31 - 1, -(2**31), 123456789]
LONG = [*INTEGERS, 2**53 + 1, 2**62 + 1, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize("symbol", sorted(s for s in DECLARED if "2float_" in s or "2double_" in s))
def test_numbers_become_floats_in_the_direction_of_the_name(symbol: str) -> None:
    source, mode = symbol.removeprefix("__nv_").split("2")[0], symbol[-2:]
    kind = np.float32 if "2float" in symbol else np.float64
    if source == "double":
        numbers: list[Any] = [1 / 3, -1 / 3, 1e10 + 1, 1.0, -0.1]
        operand = torch.tensor(numbers, dtype=torch.float64)
    else:
        numbers = LONG if "ll" in source else INTEGERS
        operand = torch.tensor(numbers, dtype=torch.int64 if "ll" in source else torch.int32)
        if source[0] == "u":
            numbers = [n % (2**64 if "ll" in source else 2**32) for n in numbers]
    for number, found in zip(numbers, _call(symbol, operand).double().tolist(), strict=True):
        assert _fits(found, Fraction(number), mode, kind), (number, found)


WHOLE = {"rn": round, "rz": math.trunc, "rd": math.floor, "ru": math.ceil}
TO_INTEGER = sorted(
    s for s in DECLARED if s.startswith(("__nv_float2", "__nv_double2")) and s[-3:-2] == "_" and "2float" not in s
)


@pytest.mark.parametrize("symbol", TO_INTEGER)
def test_floats_become_integers_in_the_direction_of_the_name(symbol: str) -> None:
    kind, mode = symbol.split("2")[1].split("_")
    bits = 64 if "ll" in kind else 32
    low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    values = [0.5, 1.5, -0.5, -2.5, 2.7, -2.7, 2.0**31, 2.0**63, 2.0**65, -(2.0**65), NAN, INF, -INF]
    dtype = torch.float32 if "float" in symbol else torch.float64
    found = _call(symbol, torch.tensor(values, dtype=dtype)).tolist()
    for value, result in zip(values, found, strict=True):
        if math.isnan(value):
            expected = 0
        elif math.isinf(value):
            expected = high if value > 0 else low
        else:
            expected = min(max(WHOLE[mode](value), low), high)
        assert result % 2**bits == expected % 2**bits, value


# -- integers --------------------------------------------------------------------------------------------------------


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _unsigned(value: int, bits: int = 32) -> int:
    return value & ((1 << bits) - 1)


def _low24(x: int) -> int:
    return _signed(x, 24)


def _chosen(x: int, y: int, selector: int) -> int:
    joined = _unsigned(x).to_bytes(4, "little") + _unsigned(y).to_bytes(4, "little")
    return int.from_bytes(bytes(joined[(selector >> (4 * i)) & 7] for i in range(4)), "little")


BITS: dict[str, Callable[..., int]] = {
    "clz": lambda x: 32 - _unsigned(x).bit_length(),
    "clzll": lambda x: 64 - _unsigned(x, 64).bit_length(),
    "popc": lambda x: _unsigned(x).bit_count(),
    "popcll": lambda x: _unsigned(x, 64).bit_count(),
    "ffs": lambda x: (_unsigned(x) & -_unsigned(x)).bit_length(),
    "ffsll": lambda x: (_unsigned(x, 64) & -_unsigned(x, 64)).bit_length(),
    "brev": lambda x: int(f"{_unsigned(x):032b}"[::-1], 2),
    "brevll": lambda x: int(f"{_unsigned(x, 64):064b}"[::-1], 2),
    "abs": abs,
    "llabs": abs,
    "mulhi": lambda a, b: a * b >> 32,
    "umulhi": lambda a, b: _unsigned(a) * _unsigned(b) >> 32,
    "mul64hi": lambda a, b: a * b >> 64,
    "umul64hi": lambda a, b: _unsigned(a, 64) * _unsigned(b, 64) >> 64,
    "mul24": lambda a, b: _low24(a) * _low24(b),
    "umul24": lambda a, b: _unsigned(a, 24) * _unsigned(b, 24),
    "sad": lambda a, b, c: abs(a - b) + _unsigned(c),
    "usad": lambda a, b, c: abs(_unsigned(a) - _unsigned(b)) + _unsigned(c),
    "hadd": lambda a, b: (a + b) >> 1,
    "uhadd": lambda a, b: (_unsigned(a) + _unsigned(b)) >> 1,
    "rhadd": lambda a, b: (a + b + 1) >> 1,
    "urhadd": lambda a, b: (_unsigned(a) + _unsigned(b) + 1) >> 1,
    "byte_perm": _chosen,
}


@pytest.mark.parametrize("name", sorted(BITS))
def test_an_integer_function_is_exact(name: str) -> None:
    types, result = DECLARED[f"__nv_{name}"]
    long = "64" in types[0]
    numbers = [0, 1, -1, 6, 0x1357, 2**31 - 1, -(2**31), 0x12345678, *([2**62 + 3, -(2**63)] if long else [])]
    rows = [(a, b, c) for a in numbers for b in numbers for c in (0, 5, 0x7654)][:: 1 if len(types) > 1 else 7]
    columns = list(zip(*rows, strict=True))[: len(types)]
    found = _call(f"__nv_{name}", *(torch.tensor(c, dtype=torch.int64 if long else torch.int32) for c in columns))
    bits = 64 if "64" in result else 32
    assert found.tolist() == [_signed(BITS[name](*row), bits) for row in zip(*columns, strict=True)]


def test_bit_patterns_are_kept() -> None:
    x = torch.tensor([1.5, -0.0, NAN, 1e300], dtype=torch.float64)
    high, low = _call("__nv_double2hiint", x), _call("__nv_double2loint", x)
    assert torch.equal(_call("__nv_hiloint2double", high, low).view(torch.int64), x.view(torch.int64))
    assert torch.equal(_call("__nv_double_as_longlong", x), x.view(torch.int64))
    assert torch.equal(_call("__nv_longlong_as_double", x.view(torch.int64)).view(torch.int64), x.view(torch.int64))
    y = torch.tensor([1.5, -0.0, NAN])
    for sign in ("", "u"):
        assert torch.equal(_call(f"__nv_float_as_{sign}int", y), y.view(torch.int32))
        assert torch.equal(
            _call(f"__nv_{sign}int_as_float", y.view(torch.int32)).view(torch.int32), y.view(torch.int32)
        )
    assert _call("__nv_rcp64h", torch.tensor([3.0], dtype=torch.float64)).view(torch.int64).item() == 0x3FD5555500000000


@pytest.mark.parametrize(
    ("name", "expected"),
    [("isnan", [0, 0, 1, 0]), ("isinf", [0, 1, 0, 0]), ("signbit", [0, 1, 0, 1]), ("finite", [1, 0, 0, 1])],
)
@pytest.mark.parametrize("width", ["f", "d"])
def test_questions_about_floats(name: str, expected: list[int], width: str) -> None:
    symbol = f"__nv_{'isfinite' if name == 'finite' and width == 'd' else name}{width}"
    x = torch.tensor([1.0, -INF, NAN, -0.0], dtype=torch.float32 if width == "f" else torch.float64)
    assert _call(symbol, x).tolist() == expected


@pytest.mark.parametrize("width", ["f", ""])
def test_scaling_by_powers_of_two_and_exponents(width: str) -> None:
    dtype = torch.float32 if width else torch.float64
    x = torch.tensor([1.5, -3.0, 2.0**-140, 0.0, INF, NAN], dtype=dtype)
    by = torch.tensor([3, -2, 130, 5, -9, 1], dtype=torch.int32)
    for name in ("ldexp", "scalbn"):
        found = _call(f"__nv_{name}{width}", x, by)
        assert found[:5].tolist() == [12.0, -0.75, 2.0**-10, 0.0, INF]
        assert torch.isnan(found[5])
    assert _call(f"__nv_ilogb{width}", x).tolist() == [0, 1, -140, -(2**31), 2**31 - 1, -(2**31)]
    power = _call(f"__nv_powi{width}", x[:2], by[:2])
    assert power.tolist() == [3.375, torch.tensor(1 / 9, dtype=dtype).item()]
    whole = torch.tensor([2.5, -2.5, 1e30, NAN], dtype=dtype)
    assert _call(f"__nv_llrint{width}", whole).tolist() == [2, -2, 2**63 - 1, 0]
    assert _call(f"__nv_llround{width}", whole).tolist() == [3, -3, 2**63 - 1, 0]
