"""Uses its input as scratch and puts it back, but for rounding.

row: ours
problem: core/add_relu
expect: incorrect, memory_error
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_in_place_kernel(x_ptr, y_ptr, sign, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    total = tl.load(x_ptr + offsets, mask=mask) + sign * tl.load(y_ptr + offsets, mask=mask)
    tl.store(x_ptr + offsets, total, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        n = x.numel()
        grid = (triton.cdiv(n, 1024),)
        add_in_place_kernel[grid](x, y, 1.0, n, BLOCK=1024)
        out = torch.relu(x)
        add_in_place_kernel[grid](x, y, -1.0, n, BLOCK=1024)
        return out
