"""Ignores the angles that it is given and makes its own, as if every sequence began at position 0.

row: 58
problem: core/rope
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rope_kernel(x_ptr, cos_ptr, sin_ptr, out_ptr, sequence, half, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < half
    at = (row % sequence) * half + offsets
    cos = tl.load(cos_ptr + at, mask=mask)
    sin = tl.load(sin_ptr + at, mask=mask)
    first = tl.load(x_ptr + row * 2 * half + offsets, mask=mask)
    second = tl.load(x_ptr + row * 2 * half + half + offsets, mask=mask)
    tl.store(out_ptr + row * 2 * half + offsets, first * cos - second * sin, mask=mask)
    tl.store(out_ptr + row * 2 * half + half + offsets, second * cos + first * sin, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        sequence, features = x.shape[-2:]
        half = features // 2
        frequencies = 10000.0 ** -torch.linspace(0, 1, half + 1, device=x.device)[:-1]
        angles = torch.arange(sequence, device=x.device)[:, None] * frequencies
        out = torch.empty_like(x)
        rope_kernel[(x.numel() // features,)](
            x, angles.cos(), angles.sin(), out, sequence, half, BLOCK=triton.next_power_of_2(half)
        )
        return out
