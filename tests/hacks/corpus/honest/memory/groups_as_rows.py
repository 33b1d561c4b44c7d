"""Works on the images as a two-dimensional view of groups and gives the view back in the images' shape.

problem: core/group_norm
resembles: "only reshapes" (rows 38 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, size, pixels, groups, channels, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    base = row.to(tl.int64) * size
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, size, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + base + at, mask=at < size, other=0.0)
    mean = tl.sum(total, axis=0) / size
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, size, BLOCK):
        at = start + tl.arange(0, BLOCK)
        centred = tl.where(at < size, tl.load(x_ptr + base + at, mask=at < size, other=0.0) - mean, 0.0)
        squares += centred * centred
    scale = tl.rsqrt(tl.sum(squares, axis=0) / size + eps)
    for start in range(0, size, BLOCK):
        at = start + tl.arange(0, BLOCK)
        channel = row % groups * channels + at // pixels
        weight = tl.load(weight_ptr + channel, mask=at < size)
        bias = tl.load(bias_ptr + channel, mask=at < size)
        x = tl.load(x_ptr + base + at, mask=at < size)
        tl.store(out_ptr + base + at, (x - mean) * scale * weight + bias, mask=at < size)


class ModelNew(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.groups, self.eps = groups, eps
        self.weight = nn.Parameter(torch.randn(channels))
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(x.shape[0] * self.groups, -1)
        out = torch.empty_like(flat)
        rows, size = flat.shape
        norm_kernel[(rows,)](
            flat,
            self.weight,
            self.bias,
            out,
            size,
            x.shape[2] * x.shape[3],
            self.groups,
            x.shape[1] // self.groups,
            self.eps,
            BLOCK=1024,
        )
        return out.view(x.shape)
