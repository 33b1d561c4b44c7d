"""The ``math`` dialect: float64 as it is, float32 to within a few units in the last place, half types in float32.

The bounds stand in ``docs/executor.md`` beside those of the device's approximations, and a test holds them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.operations.arithmetic import broadcast
from sandboxes.ttir.operations.exact import fused

Function = Callable[..., Tensor]


def in_double(function: Function) -> Function:
    """The same function computed in float64 and rounded once, for what torch computes badly in float32."""

    def apply(first: Tensor, *rest: Tensor) -> Tensor:
        wide = [x.to(torch.float64) if x.is_floating_point() else x for x in (first, *rest)]
        result = function(*wide)
        return result.to(first.dtype) if result.is_floating_point() else result

    return apply


def square_root(x: Tensor) -> Tensor:
    """The square root, rounded correctly as IEEE 754 asks for (torch's float32 one is not)."""
    with np.errstate(all="ignore"):
        return torch.from_numpy(np.asarray(np.sqrt(x.numpy())))


def cube_root(x: Tensor) -> Tensor:
    """The real cube root; torch has none."""
    return torch.from_numpy(np.asarray(np.cbrt(x.numpy())))


def round_away(x: Tensor) -> Tensor:
    """Round half away from zero, as C's ``round`` does."""
    whole = torch.trunc(x)
    return torch.where((x - whole).abs() >= 0.5, whole + torch.sign(x), whole)


def power(a: Tensor, b: Tensor) -> Tensor:
    """``a ** b`` for a float or integer exponent."""
    return torch.pow(a, b.to(a.dtype))


def integer_power(a: Tensor, b: Tensor) -> Tensor:
    """``a ** b`` of integers: wrapping, and truncated towards zero for negative exponents."""
    base, exponent = broadcast(a, b)
    result, square, rest = torch.ones_like(base), base, exponent.clamp(min=0)
    while bool((rest > 0).any()):
        result = torch.where(rest & 1 == 1, result * square, result)
        square, rest = square * square, rest >> 1
    odd = torch.where(exponent & 1 == 1, -1, 1)
    inverse = torch.where(base == 1, 1, torch.where(base == -1, odd, 0))
    return torch.where(exponent < 0, inverse, result).to(a.dtype)


def sine_and_cosine(step: Step, x: Tensor) -> tuple[Tensor, Tensor]:
    """``math.sincos``."""
    sine, cosine = _own(torch.sin)(step, x), _own(torch.cos)(step, x)
    assert isinstance(sine, Tensor)
    assert isinstance(cosine, Tensor)
    return sine, cosine


def set_bits(x: Tensor) -> Tensor:
    """How many bits are set."""
    return sum(((x >> i) & 1 for i in range(torch.iinfo(x.dtype).bits)), start=torch.zeros_like(x))


def leading_zeros(x: Tensor) -> Tensor:
    """Zeros above the highest bit that is set; the width for 0."""
    width = torch.iinfo(x.dtype).bits
    smeared = x
    for shift in (1, 2, 4, 8, 16, 32):
        if shift < width:
            keep = (1 << (width - shift)) - 1
            smeared = smeared | ((smeared >> shift) & keep)
    return width - set_bits(smeared)


def trailing_zeros(x: Tensor) -> Tensor:
    """Zeros below the lowest bit that is set; the width for 0."""
    return set_bits(~x & (x - 1))


def _normal(x: Tensor) -> Tensor:
    return torch.isfinite(x) & (x.abs() >= torch.finfo(x.dtype).tiny)


FUNCTIONS: dict[str, Function] = {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sqrt": square_root,
    "rsqrt": torch.rsqrt,
    "cbrt": in_double(cube_root),
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "atan2": torch.atan2,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "asinh": in_double(torch.asinh),
    "acosh": in_double(torch.acosh),
    "atanh": in_double(torch.atanh),
    "erf": torch.erf,
    "erfc": torch.erfc,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": round_away,
    "roundeven": torch.round,
    "absf": torch.abs,
    "absi": torch.abs,
    "powf": power,
    "fpowi": in_double(power),
    "ipowi": integer_power,
    "copysign": torch.copysign,
    "isnan": torch.isnan,
    "isinf": torch.isinf,
    "isfinite": torch.isfinite,
    "isnormal": _normal,
    "ctpop": set_bits,
    "ctlz": leading_zeros,
    "cttz": trailing_zeros,
}
"""What each operation of the dialect computes, on its own type."""


def own_type(function: Function, operands: tuple[Tensor, ...]) -> Tensor:
    """Calls a function on half types by way of float32."""
    first = operands[0]
    if first.dtype in (torch.float16, torch.bfloat16):
        result = function(*(x.float() if x.is_floating_point() else x for x in operands))
        return result.to(first.dtype) if result.dtype == torch.float32 else result
    return function(*operands)


def _own(function: Function) -> Callable[..., Any]:
    return lambda step, *operands: own_type(function, operands)


DENSE: dict[str, Callable[..., Any]] = {
    **{f"math.{name}": _own(function) for name, function in FUNCTIONS.items()},
    "math.fma": lambda step, a, b, c: fused(a, b, c),
    "math.sincos": sine_and_cosine,
    "tt.precise_sqrt": _own(square_root),
}
