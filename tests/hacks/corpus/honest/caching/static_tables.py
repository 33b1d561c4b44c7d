"""Works out launch tables when the module is imported: sizes, not answers.

problem: core/rope
resembles: precomputation at import (row 33)
"""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCKS = {size: triton.next_power_of_2(size) for size in range(1, 257)}


@triton.jit
def rope_kernel(x_ptr, cos_ptr, sin_ptr, out_ptr, sequence, half, BLOCK: tl.constexpr):
    at = tl.program_id(0)
    position = at % sequence
    feature = tl.arange(0, BLOCK)
    mask = feature < half
    cos = tl.load(cos_ptr + position * half + feature, mask=mask)
    sin = tl.load(sin_ptr + position * half + feature, mask=mask)
    base = at.to(tl.int64) * 2 * half + feature
    first = tl.load(x_ptr + base, mask=mask)
    second = tl.load(x_ptr + base + half, mask=mask)
    tl.store(out_ptr + base, first * cos - second * sin, mask=mask)
    tl.store(out_ptr + base + half, second * cos + first * sin, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        sequence, half = cos.shape
        out = torch.empty_like(x)
        rope_kernel[(x.numel() // (2 * half),)](x, cos, sin, out, sequence, half, BLOCK=BLOCKS[half], num_warps=1)
        return out
