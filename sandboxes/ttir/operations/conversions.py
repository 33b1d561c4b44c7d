"""Conversions between number types: saturating, truncating or rounding as PTX ``cvt`` does."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import Sum, materialise
from sandboxes.ttir.operations.arithmetic import unsigned
from sandboxes.ttir.operations.exact import narrowed, truncated


def extsi(step: Step, a: Tensor | Sum) -> Tensor | Sum:
    """Sign extension (true becomes -1)."""
    assert step.dtype is not None
    if isinstance(a, Sum):
        return Sum(tuple(term.to(step.dtype) for term in a.terms))
    a = materialise(a)
    return -a.to(step.dtype) if a.dtype == torch.bool else a.to(step.dtype)


def extui(step: Step, a: Tensor) -> Tensor:
    """Zero extension."""
    assert step.dtype is not None
    return unsigned(a).to(step.dtype) if a.dtype != torch.bool else a.to(step.dtype)


def trunci(step: Step, a: Tensor) -> Tensor:
    """Keeps the low bits."""
    assert step.dtype is not None
    return (a & 1).to(torch.bool) if step.dtype == torch.bool else a.to(step.dtype)


def sitofp(step: Step, a: Tensor) -> Tensor:
    """Signed integer to float."""
    assert step.dtype is not None
    return -a.to(step.dtype) if a.dtype == torch.bool else a.to(step.dtype)


def uitofp(step: Step, a: Tensor) -> Tensor:
    """Unsigned integer to float."""
    assert step.dtype is not None
    if a.dtype != torch.int64:
        return (a if a.dtype == torch.bool else unsigned(a)).to(step.dtype)
    # halve with a sticky bit, so that the one rounding happens in the conversion
    half = (((a >> 1) & (2**63 - 1)) | (a & 1)).to(torch.float64) * 2.0
    return torch.where(a < 0, half, a.to(torch.float64)).to(step.dtype)


def float_cast(step: Step, a: Tensor) -> Tensor:
    """Float to float, round to nearest even."""
    assert step.dtype is not None
    return narrowed(a, step.dtype)


def fp_to_fp(step: Step, a: Tensor) -> Tensor:
    """``tt.fp_to_fp``: 8-bit results saturate like ``cvt.rn.satfinite``; ``rtz`` cuts the mantissa off.

    Towards zero, an 8-bit result is the upper half of the half-precision one, as Triton's lowering has it, so infinity
    stays infinite.
    """
    assert step.dtype is not None
    rounding = step.operation.attributes.get("rounding")
    if rounding in ("rtz", 0):
        return (
            truncated(a, step.dtype) if step.dtype.itemsize > 1 else truncated(truncated(a, torch.float16), step.dtype)
        )
    if step.dtype.itemsize > 1:
        return narrowed(a, step.dtype)
    largest = torch.finfo(step.dtype).max
    return torch.where(torch.isnan(a), a, a.clamp(-largest, largest)).to(step.dtype)


def saturated(a: Tensor, low: int, high: int, dtype: torch.dtype) -> Tensor:
    """Round towards zero, NaN gives 0, out of range gives the limit: PTX ``cvt.rzi``."""
    x = torch.nan_to_num(a.to(torch.float64), nan=0.0, posinf=float(high), neginf=float(low))
    above, below = x >= float(high), x <= float(low)
    whole = torch.where(above | below, 0.0, x).to(torch.int64)
    return torch.where(above, high, torch.where(below, low, whole)).to(dtype)


def fptosi(step: Step, a: Tensor) -> Tensor:
    """Float to signed integer, saturating."""
    assert step.dtype is not None
    if step.dtype == torch.bool:
        return saturated(a, -(2**31), 2**31 - 1, torch.int32) != 0
    if a.dtype == torch.float32 and step.dtype == torch.int32 and bool((a.abs() < 2.0**31).all()):
        return a.to(torch.int32)
    if step.dtype == torch.int64:
        return saturated(a, -(2**63), 2**63 - 1, torch.int64)
    if step.dtype != torch.int32:  # cvt.rzi.s16, of which 8-bit types keep the low half
        return saturated(a, -(2**15), 2**15 - 1, torch.int16).to(step.dtype)
    return saturated(a, -(2**31), 2**31 - 1, torch.int32)


def fptoui(step: Step, a: Tensor) -> Tensor:
    """Float to unsigned integer, saturating."""
    assert step.dtype is not None
    if step.dtype == torch.int64:
        low = saturated(a, 0, 2**63 - 1, torch.int64)
        wide = a.to(torch.float64)
        upper = saturated(wide - 2.0**63, 0, 2**63 - 1, torch.int64) + (-(2**63))
        return torch.where(wide >= 2.0**64, -1, torch.where(wide >= 2.0**63, upper, low))
    narrow = step.dtype in (torch.int8, torch.int16)  # cvt.rzi.u16, of which 8-bit types keep the low half
    whole = saturated(a, 0, 2**16 - 1 if narrow else 2**32 - 1, torch.int64)
    return whole != 0 if step.dtype == torch.bool else whole.to(step.dtype)


LAZY: dict[str, Callable[..., Any]] = {"arith.extsi": extsi}
DENSE: dict[str, Callable[..., Any]] = {
    "arith.extui": extui,
    "arith.trunci": trunci,
    "arith.sitofp": sitofp,
    "arith.uitofp": uitofp,
    "arith.extf": float_cast,
    "arith.truncf": float_cast,
    "arith.convertf": float_cast,
    "arith.fptosi": fptosi,
    "arith.fptoui": fptoui,
    "arith.index_cast": sitofp,
    "arith.index_castui": extui,
    "tt.fp_to_fp": fp_to_fp,
}
