"""Wrong: rotates neighbouring features, as some models do, not the two halves of a head."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rope_kernel(x_ptr, cos_ptr, sin_ptr, out_ptr, sequence, half, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    position = row % sequence
    pair = tl.arange(0, BLOCK)
    mask = pair < half
    cos = tl.load(cos_ptr + position * half + pair, mask=mask)
    sin = tl.load(sin_ptr + position * half + pair, mask=mask)
    offsets = row * 2 * half + 2 * pair
    even = tl.load(x_ptr + offsets, mask=mask)
    odd = tl.load(x_ptr + offsets + 1, mask=mask)
    tl.store(out_ptr + offsets, even * cos - odd * sin, mask=mask)
    tl.store(out_ptr + offsets + 1, odd * cos + even * sin, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, head_features = x.shape
        half = head_features // 2
        out = torch.empty_like(x)
        grid = (batch * heads * sequence,)
        rope_kernel[grid](x, cos, sin, out, sequence, half, BLOCK=triton.next_power_of_2(half))
        return out
