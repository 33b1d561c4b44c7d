"""``tt.extern_elementwise``: the functions of NVIDIA's libdevice, by symbol.

Almost every function comes in two widths (``__nv_expf``, ``__nv_exp``), and whole families differ only in how they
round (``__nv_fadd_rz``). `SYMBOLS` is put together from those families. What torch has no float32 version of, or a bad
one, is computed in float64 and rounded once.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sandboxes.ttir.operations import exact
from sandboxes.ttir.operations.arithmetic import broadcast, mulhi_signed, mulhi_unsigned, unsigned
from sandboxes.ttir.operations.conversions import saturated
from sandboxes.ttir.operations.floats import maxnum, minnum
from sandboxes.ttir.operations.mathematics import (
    FUNCTIONS,
    Function,
    in_double,
    leading_zeros,
    power,
    round_away,
    set_bits,
    trailing_zeros,
)

PREFIX = "__nv_"
F32, F64, I32, I64 = torch.float32, torch.float64, torch.int32, torch.int64
MODES = {"rn": torch.round, "rz": torch.trunc, "rd": torch.floor, "ru": torch.ceil}
"""Rounding to a whole number, by suffix."""

UNSUPPORTED = {
    "__nv_jn": "Bessel functions of any integer order have no counterpart in torch",
    "__nv_jnf": "Bessel functions of any integer order have no counterpart in torch",
    "__nv_yn": "Bessel functions of any integer order have no counterpart in torch",
    "__nv_ynf": "Bessel functions of any integer order have no counterpart in torch",
}
"""Symbols without a meaning here, and why."""


# -- floats ----------------------------------------------------------------------------------------------------------


def sine_of_pi(x: Tensor) -> Tensor:
    """``sin(pi x)``; the argument is reduced exactly."""
    reduced = x - 2.0 * torch.round(x / 2.0)
    reflected = torch.where(reduced.abs() > 0.5, torch.copysign(1.0 - reduced.abs(), reduced), reduced)
    return torch.sin(math.pi * reflected)


def cosine_of_pi(x: Tensor) -> Tensor:
    """``cos(pi x)``; the argument is reduced exactly."""
    return torch.sin(math.pi * (0.5 - (x - 2.0 * torch.round(x / 2.0)).abs()))


def norm(*parts: Tensor) -> Tensor:
    """Length of a vector without overflow on the way; infinite if any part is."""
    magnitudes = torch.stack(broadcast(*parts)).abs()
    largest = torch.nan_to_num(magnitudes.amax(dim=0), nan=1.0)
    scale = torch.where((largest == 0) | torch.isinf(largest), 1.0, largest)
    length = scale * torch.sqrt(((magnitudes / scale) ** 2).sum(dim=0))
    return torch.where(torch.isinf(magnitudes).any(dim=0), torch.inf, length)


def gamma(x: Tensor) -> Tensor:
    """The gamma function: factorials exactly, otherwise through its logarithm; NaN at the negative integers."""
    whole = torch.floor(x)
    value = torch.exp(torch.lgamma(x))
    negative = (x < 0) & (whole % 2 == 1)  # its sign alternates between the poles
    value = torch.where(negative, -value, value)
    value = torch.where((whole == x) & (x > 0) & (x < 24), torch.round(value), value)
    value = torch.where((whole == x) & (x < 0), torch.nan, value)
    return torch.where(x == 0, torch.copysign(torch.full_like(x, torch.inf), x), value)


def remainder(x: Tensor, y: Tensor) -> Tensor:
    """IEEE remainder: ``x - n y`` with ``n`` the nearest integer, the even one of two."""
    size = y.abs()
    rest = torch.fmod(x.abs(), 2.0 * size)
    once = rest - size
    rest = torch.where(rest + rest > size, torch.where(once + once >= size, once - size, once), rest)
    rest = torch.where(torch.isinf(size) & torch.isfinite(x), x.abs(), rest)
    return torch.where(torch.signbit(x), -rest, rest)


def positive_difference(a: Tensor, b: Tensor) -> Tensor:
    """``a - b`` where that is positive, else 0."""
    return torch.where(torch.isnan(a) | torch.isnan(b), torch.nan, torch.where(a > b, a - b, 0.0))


def scaled_by_power(a: Tensor, exponent: Tensor) -> Tensor:
    """``a * 2**exponent`` with one rounding."""
    x, e = broadcast(a, exponent)
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(np.ldexp(x.numpy(), e.numpy())))


def exponent_of(x: Tensor) -> Tensor:
    """The unbiased exponent as int32, subnormals as if they were normal; C's ``ilogb``."""
    exponent = torch.frexp(x).exponent.to(I32) - 1
    exponent = torch.where((x == 0) | torch.isnan(x), -(2**31), exponent)
    return torch.where(torch.isinf(x), 2**31 - 1, exponent)


def float_exponent(x: Tensor) -> Tensor:
    """The unbiased exponent as a float; C's ``logb``."""
    special = torch.where(x == 0, -torch.inf, torch.where(torch.isnan(x), torch.nan, torch.inf)).to(x.dtype)
    return torch.where((x == 0) | ~torch.isfinite(x), special, exponent_of(x).to(x.dtype))


def high_reciprocal(x: Tensor) -> Tensor:
    """The upper 32 bits of ``1 / x``, what ``rcp.approx.ftz.f64`` gives."""
    return (torch.reciprocal(x).view(I64) & -(2**32)).view(F64)


def saturate(x: Tensor) -> Tensor:
    """Clamped to 0 .. 1; NaN gives 0."""
    return torch.nan_to_num(x, nan=0.0).clamp(0.0, 1.0)


OWN: dict[str, Function] = {
    **{name: FUNCTIONS[name] for name in FUNCTIONS if name not in ("absf", "absi", "powf", "fpowi", "ipowi", "erfc")},
    "erfc": in_double(torch.erfc),
    "fabs": torch.abs,
    "rint": torch.round,
    "nearbyint": torch.round,
    "llrint": lambda x: saturated(torch.round(x), -(2**63), 2**63 - 1, I64),
    "llround": lambda x: saturated(round_away(x), -(2**63), 2**63 - 1, I64),
    "pow": power,
    "powi": in_double(power),
    "fma": exact.fused,
    "fmod": torch.fmod,
    "remainder": remainder,
    "fdim": positive_difference,
    "fmax": maxnum,
    "fmin": minnum,
    "nextafter": torch.nextafter,
    "ldexp": scaled_by_power,
    "scalbn": scaled_by_power,
    "ilogb": exponent_of,
    "logb": float_exponent,
    "exp10": in_double(lambda x: torch.pow(10.0, x)),
    "sinpi": in_double(sine_of_pi),
    "cospi": in_double(cosine_of_pi),
    "hypot": in_double(norm),
    "rhypot": in_double(lambda a, b: 1.0 / norm(a, b)),
    **{f"norm{n}d": in_double(norm) for n in (3, 4)},
    **{f"rnorm{n}d": in_double(lambda *parts: 1.0 / norm(*parts)) for n in (3, 4)},
    "rcbrt": in_double(lambda x: 1.0 / FUNCTIONS["cbrt"](x)),
    "j0": in_double(torch.special.bessel_j0),
    "j1": in_double(torch.special.bessel_j1),
    "y0": in_double(torch.special.bessel_y0),
    "y1": in_double(torch.special.bessel_y1),
    "cyl_bessel_i0": in_double(torch.special.i0),
    "cyl_bessel_i1": in_double(torch.special.i1),
    "erfinv": in_double(torch.erfinv),
    "erfcx": in_double(torch.special.erfcx),
    "erfcinv": in_double(lambda x: -torch.special.ndtri(x / 2.0) * math.sqrt(0.5)),
    "normcdf": in_double(lambda x: 0.5 * torch.erfc(-x * math.sqrt(0.5))),
    "normcdfinv": in_double(torch.special.ndtri),
    "lgamma": in_double(torch.lgamma),
    "tgamma": in_double(gamma),
}
"""Functions that exist for both widths, by the name of the float64 one."""


# -- directed rounding -----------------------------------------------------------------------------------------------


def _double(x: Tensor) -> Tensor:
    return x.to(F64)


def _sum(a: Tensor, b: Tensor) -> exact.Pair:
    return exact.two_sum(_double(a), _double(b))


PAIRS: dict[str, Callable[..., exact.Pair]] = {
    "add": _sum,
    "sub": lambda a, b: _sum(a, -b),
    "mul": lambda a, b: exact.two_product(_double(a), _double(b)),
    "div": lambda a, b: exact.quotient(_double(a), _double(b)),
    "rcp": lambda a: exact.quotient(torch.ones_like(a, dtype=F64), _double(a)),
    "sqrt": lambda a: exact.root(_double(a)),
    "fma": lambda a, b, c: exact.multiply_add(_double(a), _double(b), _double(c), a.dtype),
}
"""Operations of which every rounding exists."""


def _rounding(pair: Callable[..., exact.Pair], mode: str, dtype: torch.dtype) -> Function:
    return lambda *operands: exact.rounded(pair(*operands), mode, dtype)


def _to_integer(mode: str, dtype: torch.dtype, *, signed: bool) -> Function:
    bits = torch.iinfo(dtype).bits
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)

    def apply(x: Tensor) -> Tensor:
        whole = MODES[mode](_double(x))
        if high < 2**63:
            return saturated(whole, low, high, I64).to(dtype)
        upper = saturated(whole - 2.0**63, 0, 2**63 - 1, I64) + (-(2**63))
        below = torch.where(whole >= 2.0**63, upper, saturated(whole, 0, 2**63 - 1, I64))
        return torch.where(whole >= 2.0**64, -1, below)

    return apply


def _from_integer(mode: str, dtype: torch.dtype, *, signed: bool) -> Function:
    return lambda x: exact.rounded(exact.of_integer(x, signed=signed), mode, dtype)


def _roundings() -> dict[str, Function]:
    result: dict[str, Function] = {}
    for mode in MODES:
        for name, pair in PAIRS.items():
            double = f"fma_{mode}" if name == "fma" else f"d{name}_{mode}"
            single = f"fmaf_{mode}" if name == "fma" else f"f{name}_{mode}"
            result[double], result[single] = _rounding(pair, mode, F64), _rounding(pair, mode, F32)
        result[f"double2float_{mode}"] = _rounding(lambda x: (x, torch.zeros_like(x)), mode, F32)
        for source in ("float", "double"):
            result[f"{source}2int_{mode}"] = _to_integer(mode, I32, signed=True)
            result[f"{source}2uint_{mode}"] = _to_integer(mode, I32, signed=False)
            result[f"{source}2ll_{mode}"] = _to_integer(mode, I64, signed=True)
            result[f"{source}2ull_{mode}"] = _to_integer(mode, I64, signed=False)
            dtype = F32 if source == "float" else F64
            for integer in ("int", "uint", "ll", "ull"):
                result[f"{integer}2{source}_{mode}"] = _from_integer(mode, dtype, signed=integer[0] != "u")
    return result


# -- integers and bits -----------------------------------------------------------------------------------------------


def reversed_bits(x: Tensor) -> Tensor:
    """The bits in the opposite order."""
    width = torch.iinfo(x.dtype).bits
    return sum((((x >> i) & 1) << (width - 1 - i) for i in range(width)), start=torch.zeros_like(x))


def first_set(x: Tensor) -> Tensor:
    """Position of the lowest set bit, counted from 1; 0 for 0."""
    return torch.where(x == 0, 0, trailing_zeros(x) + 1)


def permuted_bytes(x: Tensor, y: Tensor, selector: Tensor) -> Tensor:
    """Four of the eight bytes of ``y:x``, chosen by three bits of each nibble of the selector."""
    both = unsigned(x) | (unsigned(y) << 32)
    result = torch.zeros_like(both)
    for place in range(4):
        chosen = (selector >> (4 * place)).to(I64) & 7
        result = result | (((both >> (8 * chosen)) & 0xFF) << (8 * place))
    return result.to(I32)


def _low24(x: Tensor) -> Tensor:
    return (x.to(I64) << 40) >> 40


def _wide(function: Function, *, signed: bool) -> Function:
    """Computes on int64 what would overflow 32 bits, and keeps the low half."""

    def apply(*operands: Tensor) -> Tensor:
        return function(*(x.to(I64) if signed else unsigned(x) for x in operands)).to(I32)

    return apply


INTEGER: dict[str, Function] = {
    **{f"clz{suffix}": lambda x: leading_zeros(x).to(I32) for suffix in ("", "ll")},
    **{f"popc{suffix}": lambda x: set_bits(x).to(I32) for suffix in ("", "ll")},
    **{f"ffs{suffix}": lambda x: first_set(x).to(I32) for suffix in ("", "ll")},
    **{f"brev{suffix}": reversed_bits for suffix in ("", "ll")},
    **dict.fromkeys(("abs", "llabs"), torch.abs),
    **dict.fromkeys(("mulhi", "mul64hi"), mulhi_signed),
    **dict.fromkeys(("umulhi", "umul64hi"), mulhi_unsigned),
    "byte_perm": permuted_bytes,
    "mul24": lambda a, b: (_low24(a) * _low24(b)).to(I32),
    "umul24": lambda a, b: ((a.to(I64) & 0xFFFFFF) * (b.to(I64) & 0xFFFFFF)).to(I32),
    "sad": lambda a, b, c: ((a.to(I64) - b.to(I64)).abs() + unsigned(c)).to(I32),
    "usad": _wide(lambda a, b, c: (a - b).abs() + c, signed=False),
    "hadd": _wide(lambda a, b: (a + b) >> 1, signed=True),
    "uhadd": _wide(lambda a, b: (a + b) >> 1, signed=False),
    "rhadd": _wide(lambda a, b: (a + b + 1) >> 1, signed=True),
    "urhadd": _wide(lambda a, b: (a + b + 1) >> 1, signed=False),
    **dict.fromkeys(("int_as_float", "uint_as_float"), lambda x: x.contiguous().view(F32)),
    **dict.fromkeys(("float_as_int", "float_as_uint"), lambda x: x.contiguous().view(I32)),
    "longlong_as_double": lambda x: x.contiguous().view(F64),
    "double_as_longlong": lambda x: x.contiguous().view(I64),
    "hiloint2double": lambda high, low: ((high.to(I64) << 32) | unsigned(low)).contiguous().view(F64),
    "double2loint": lambda x: x.contiguous().view(I64).to(I32),
    "double2hiint": lambda x: (x.contiguous().view(I64) >> 32).to(I32),
}

SINGLE: dict[str, Function] = {
    **{f"{name}{kind}": OWN[f"is{test}"] for name, test, kinds in (
        ("isnan", "nan", "fd"), ("isinf", "inf", "fd"), ("isfinite", "finite", "d"), ("finite", "finite", "f"),
    ) for kind in kinds},
    **{f"signbit{kind}": torch.signbit for kind in "fd"},
    "saturatef": saturate,
    "rcp64h": high_reciprocal,
    "frsqrt_rn": in_double(torch.rsqrt),
    "fast_fdividef": torch.div,
    **{f"fast_{name}f": OWN[name] for name in ("sin", "cos", "tan", "tanh", "exp", "exp10", "log", "log2", "log10")},
    "fast_powf": power,
}  # fmt: skip
"""Functions that exist once."""

SYMBOLS: dict[str, Function] = {
    f"{PREFIX}{name}": function
    for name, function in (
        *((name, function) for name, function in OWN.items()),
        *((name + "f", function) for name, function in OWN.items()),
        *_roundings().items(),
        *INTEGER.items(),
        *SINGLE.items(),
    )
}
"""What each symbol computes."""
