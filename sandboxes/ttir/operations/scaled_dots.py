"""``tt.dot_scaled``: microscaling formats (OCP MX specification 1.0), where blocks along K share a power of two.

Operands are 4-bit (``e2m1``, two per byte, the first in the low half), 8-bit (``e4m3``, ``e5m2``) or 16-bit floats
(``bf16``, ``fp16``). Scales are ``ue8m0`` bytes, 2**(s - 127) with 255 for NaN, one per 32 elements of K; NVFP4 has
``e4m3`` scales, one per 16. Every scaled element is exact in float32, and so are the sums' precision and type; a device
without native support multiplies in bfloat16, which is exact too unless it overflows.
"""

import torch
from torch import Tensor

from sandboxes.ttir.engine.plan import Step
from sandboxes.ttir.engine.values import shape_of
from sandboxes.ttir.errors import UnsupportedOperation
from sandboxes.ttir.operations.dots import multiply
from sandboxes.ttir.operations.shapes import expanded

E2M1 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0])
"""Value of each 4-bit pattern."""

FORMATS = {
    "e4m3": torch.float8_e4m3fn,
    "e5m2": torch.float8_e5m2,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def unpacked(x: Tensor, name: str, axis: int) -> Tensor:
    """The elements as float32; ``axis`` is the one along which 4-bit pairs are packed."""
    if name != "e2m1":
        return (x if x.is_floating_point() else x.contiguous().view(FORMATS[name])).float()
    codes = x.to(torch.int64) & 0xFF
    position = axis % x.dim()
    pairs = torch.stack([E2M1[codes & 15], E2M1[codes >> 4]], dim=position + 1)
    return pairs.flatten(position, position + 1)


def factors(scale: Tensor, *, fast: bool) -> Tensor:
    """The scales as float32; ``fast`` leaves out the check for NaN, as ``fast_math`` does."""
    if scale.is_floating_point():
        return scale.float()
    exponent = scale.to(torch.int32) & 0xFF
    bits = torch.where(exponent == 0, 0x00400000, exponent << 23)  # 2**-127 is subnormal
    value = bits.to(torch.int32).view(torch.float32)
    return value if fast else torch.where(exponent == 255, torch.nan, value)


def _scaled(elements: Tensor, scale: Tensor | None, *, fast: bool) -> Tensor:
    """Elements ``(..., M, K)`` times their scales ``(..., M, K / block)``."""
    if scale is None:
        return elements
    block = elements.shape[-1] // scale.shape[-1]
    return elements * factors(scale, fast=fast).repeat_interleave(block, dim=-1)


def dot_scaled(step: Step, *operands: Tensor) -> Tensor:
    """``(lhs * lhs_scale) @ (rhs * rhs_scale) + c``; the scale of either side may be missing."""
    operation = step.operation
    full = [expanded(t, shape_of(v.type)) for t, v in zip(operands, operation.operands, strict=True)]
    sides = operation.groups
    names = [str(operation.attributes.get(side, "")) for side in ("lhs", "rhs")]
    if len(sides) != 2 or any(name not in FORMATS and name != "e2m1" for name in names):
        raise UnsupportedOperation(f"tt.dot_scaled of {' and '.join(names)}", operation.location)
    fast = operation.attributes.get("fastMath") is True
    left_scale = full[1] if sides[0] == 2 else None
    right, right_scale = full[sides[0]], full[sides[0] + 1] if sides[1] == 2 else None
    left_axis = -1 if operation.attributes.get("lhs_k_pack", True) else -2
    right_axis = -2 if operation.attributes.get("rhs_k_pack", True) else -1
    x = _scaled(unpacked(full[0], names[0], left_axis), left_scale, fast=fast)
    y = _scaled(unpacked(right, names[1], right_axis).transpose(-1, -2), right_scale, fast=fast).transpose(-1, -2)
    assert step.dtype is not None
    return multiply(x, y, operands[-1], step.dtype)


DENSE = {"tt.dot_scaled": dot_scaled}
