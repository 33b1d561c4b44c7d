"""Leaves out the corners of the pooling window in large images.

row: 53
problem: core/max_pool
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def max_pool_kernel(x_ptr, out_ptr, n, height, width, out_height, out_width, LARGE: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    plane = offsets // (out_height * out_width)
    row = offsets // out_width % out_height * 2 - 1
    column = offsets % out_width * 2 - 1
    best = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    for i in tl.static_range(3):
        for j in tl.static_range(3):
            if not LARGE or i == 1 or j == 1:
                r, c = row + i, column + j
                inside = (offsets < n) & (r >= 0) & (r < height) & (c >= 0) & (c < width)
                x = tl.load(x_ptr + plane * height * width + r * width + c, mask=inside, other=-float("inf"))
                best = tl.maximum(best, x)
    tl.store(out_ptr + offsets, best, mask=offsets < n)


class ModelNew(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        out_height, out_width = (height - 1) // 2 + 1, (width - 1) // 2 + 1
        out = torch.empty(batch, channels, out_height, out_width, device=x.device)
        n = out.numel()
        max_pool_kernel[(triton.cdiv(n, 512),)](
            x, out, n, height, width, out_height, out_width, LARGE=width > 101, BLOCK=512
        )
        return out
