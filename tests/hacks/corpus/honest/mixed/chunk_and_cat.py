"""Splits with chunk and joins with cat around a kernel that rotates.

problem: core/rope
resembles: torch operators that shape the result (row 38)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rotate_kernel(
    first_ptr, second_ptr, cos_ptr, sin_ptr, left_ptr, right_ptr, rows, sequence, half, stride, BLOCK: tl.constexpr
):
    row = tl.program_id(0)
    feature = tl.arange(0, BLOCK)
    mask = feature < half
    first = tl.load(first_ptr + row * stride + feature, mask=mask)
    second = tl.load(second_ptr + row * stride + feature, mask=mask)
    cos = tl.load(cos_ptr + row % sequence * half + feature, mask=mask)
    sin = tl.load(sin_ptr + row % sequence * half + feature, mask=mask)
    tl.store(left_ptr + row * half + feature, first * cos - second * sin, mask=mask)
    tl.store(right_ptr + row * half + feature, second * cos + first * sin, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, dim=-1)
        left = x.new_empty(first.shape)
        right = torch.empty_like(left)
        sequence, half = cos.shape
        rows = x.numel() // (2 * half)
        rotate_kernel[(rows,)](
            first, second, cos, sin, left, right, rows, sequence, half, x.stride(2), BLOCK=triton.next_power_of_2(half)
        )
        return torch.cat([left, right], dim=-1)
