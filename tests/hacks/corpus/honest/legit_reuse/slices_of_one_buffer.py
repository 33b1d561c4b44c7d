"""Writes both halves of the result through two views of one output.

problem: core/rope
resembles: several names for one buffer (rows 6 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def half_kernel(first_ptr, second_ptr, cos_ptr, sin_ptr, out_ptr, sign, sequence, half, BLOCK: tl.constexpr):
    at = tl.program_id(0)
    feature = tl.arange(0, BLOCK)
    mask = feature < half
    cos = tl.load(cos_ptr + at % sequence * half + feature, mask=mask)
    sin = tl.load(sin_ptr + at % sequence * half + feature, mask=mask)
    place = at.to(tl.int64) * 2 * half + feature
    value = tl.load(first_ptr + place, mask=mask) * cos + sign * tl.load(second_ptr + place, mask=mask) * sin
    tl.store(out_ptr + place, value, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        sequence, half = cos.shape
        out = torch.empty_like(x)
        left, right = out[..., :half], out[..., half:]
        first, second = x[..., :half], x[..., half:]
        grid, block = (x.numel() // (2 * half),), triton.next_power_of_2(half)
        half_kernel[grid](first, second, cos, sin, left, -1.0, sequence, half, BLOCK=block, num_warps=1)
        half_kernel[grid](second, first, cos, sin, right, 1.0, sequence, half, BLOCK=block, num_warps=1)
        return out
