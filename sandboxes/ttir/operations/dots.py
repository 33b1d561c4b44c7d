"""``tt.dot``: products as the tensor cores form them, sums in float32 (float64 and int32 for those types).

float32 inputs are rounded as the kernel asks (Triton's default is TF32): to nearest, ties away from zero, 10 mantissa
bits, as ``cvt.rna.tf32.f32`` does. The multi-pass precisions split every input into a sum of narrow parts and add the
products of the parts, smallest first. Half and 8-bit float products are exact in float32. A float16 result is rounded
once, at the end; the device may round its partial sums, too.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.operations.shapes import expanded


def round_tf32(x: Tensor) -> Tensor:
    """float32 values rounded to TF32 (NaN and infinities unchanged)."""
    bits = x.contiguous().view(torch.int32)
    rounded = torch.add(bits, 0x1000).bitwise_and_(-0x2000).view(torch.float32)
    if x.numel() and bool(torch.isnan(x.sum() if x.numel() > 1 else x)):
        return torch.where(torch.isfinite(x), rounded, x)
    return rounded


def round_bf16(x: Tensor) -> Tensor:
    """float32 values rounded to bfloat16, to nearest even."""
    return x.to(torch.bfloat16).to(torch.float32)


PASSES: dict[str, tuple[Callable[[Tensor], Tensor], int, tuple[tuple[int, int], ...]]] = {
    "tf32x3": (round_tf32, 2, ((1, 0), (0, 1), (0, 0))),
    "bf16x3": (round_bf16, 2, ((1, 0), (0, 1), (0, 0))),
    "bf16x6": (round_bf16, 3, ((1, 1), (2, 0), (0, 2), (1, 0), (0, 1), (0, 0))),
}
"""Per input precision: the format of the parts, how many, and which are multiplied in which order."""


def _parts(x: Tensor, rounding: Callable[[Tensor], Tensor], count: int) -> list[Tensor]:
    parts = []
    for _ in range(count):
        parts.append(rounding(x))
        x = x - parts[-1]
    return parts


def in_passes(x: Tensor, y: Tensor, precision: str) -> Tensor:
    """The product of float32 matrices from products of narrow parts.

    Corrections that are NaN are dropped before the main product, as Triton does: the low part of a finite number times
    infinity would turn an infinite result into NaN.
    """
    rounding, count, order = PASSES[precision]
    lefts, rights = _parts(x, rounding, count), _parts(y, rounding, count)
    low = torch.zeros(())
    for left, right in order[:-1]:
        low = low + torch.matmul(lefts[left], rights[right])
    return torch.where(torch.isnan(low), 0.0, low) + torch.matmul(lefts[0], rights[0])


def dot(step: Step, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """``a @ b + c`` for ``(P, [B,] M, K)`` and ``(P, [B,] K, N)``."""
    x = expanded(a, shape_of(step.operation.operands[0].type))
    y = expanded(b, shape_of(step.operation.operands[1].type))
    assert step.dtype is not None
    if not step.dtype.is_floating_point:
        return _integer_dot(x, y).to(step.dtype) + c
    if x.dtype == torch.float32:
        precision = str(step.operation.attributes.get("inputPrecision", "ieee")).lower()
        if precision in PASSES:
            return in_passes(x, y, precision) + c
        if precision == "tf32":
            x, y = round_tf32(x), round_tf32(y)
        elif precision != "ieee":
            raise UnsupportedOperation(f"tt.dot with input precision {precision}", step.operation.location)
    return multiply(x, y, c, step.dtype)


def multiply(x: Tensor, y: Tensor, c: Tensor, dtype: torch.dtype) -> Tensor:
    """``x @ y + c`` with sums in float32, or in float64 for float64."""
    if x.dtype not in (torch.float32, torch.float64):
        x, y = x.float(), y.float()
    if x.dim() == 3 and x.shape[0] == y.shape[0] and c.dtype == x.dtype and c.numel() > 1:
        return torch.baddbmm(c, x, y)
    product = torch.matmul(x, y)
    if c.numel() == 1 and not c.item():
        return product.to(dtype)
    return (product + c).to(dtype)


def _integer_dot(x: Tensor, y: Tensor) -> Tensor:
    """int8 products; float32 holds them exactly up to K = 1024, float64 beyond."""
    wide = torch.float32 if x.shape[-1] <= 1024 and x.dtype == torch.int8 else torch.float64
    return torch.matmul(x.to(wide), y.to(wide)).to(torch.int64)


DENSE = {"tt.dot": dot}
