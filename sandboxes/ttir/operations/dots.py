"""``tt.dot``: products as the tensor cores form them, sums in float32.

float32 inputs are rounded to TF32 where the kernel asks for it (Triton's default): nearest, ties away from zero, 10
mantissa bits, as ``cvt.rna.tf32.f32`` does. Half and 8-bit float products are exact in float32.
"""

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.operations.shapes import expanded


def round_tf32(x: Tensor) -> Tensor:
    """float32 values rounded to TF32 (NaN and infinities unchanged)."""
    bits = x.contiguous().view(torch.int32)
    rounded = torch.add(bits, 0x1000).bitwise_and_(-0x2000).view(torch.float32)
    if x.numel() and bool(torch.isnan(x.sum() if x.numel() > 1 else x)):
        return torch.where(torch.isfinite(x), rounded, x)
    return rounded


def dot(step: Step, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """``a @ b + c`` for ``(P, [B,] M, K)`` and ``(P, [B,] K, N)``."""
    x = expanded(a, shape_of(step.operation.operands[0].type))
    y = expanded(b, shape_of(step.operation.operands[1].type))
    precision = str(step.operation.attributes.get("inputPrecision", "ieee")).lower()
    if x.dtype == torch.float32 and precision == "tf32":
        x, y = round_tf32(x), round_tf32(y)
    assert step.dtype is not None
    if not step.dtype.is_floating_point:
        return _integer_dot(x, y).to(step.dtype) + c
    if x.dtype not in (torch.float32, torch.float64):
        x, y = x.float(), y.float()
    if x.dim() == 3 and x.shape[0] == y.shape[0] and c.dtype == x.dtype and c.numel() > 1:
        return torch.baddbmm(c, x, y)
    product = torch.matmul(x, y)
    if c.numel() == 1 and not c.item():
        return product.to(step.dtype)
    return (product + c).to(step.dtype)


def _integer_dot(x: Tensor, y: Tensor) -> Tensor:
    """int8 products; float32 holds them exactly up to K = 1024, float64 beyond."""
    wide = torch.float32 if x.shape[-1] <= 1024 and x.dtype == torch.int8 else torch.float64
    return torch.matmul(x.to(wide), y.to(wide)).to(torch.int64)


DENSE = {"tt.dot": dot}
