"""Writes the squares to memory, sums them up in a second kernel, scales in a third; small blocks, one warp."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def square_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(out_ptr + offsets, x * x, mask=offsets < n)


@triton.jit
def mean_kernel(x_ptr, mean_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = 0.0
    start = 0
    while start < features:
        offsets = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x_ptr + row * features + offsets, mask=offsets < features, other=0.0))
        start += BLOCK
    tl.store(mean_ptr + row, total / features)


@triton.jit
def scale_kernel(x_ptr, mean_ptr, weight_ptr, out_ptr, n, features, eps, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    mean = tl.load(mean_ptr + offsets // features, mask=mask, other=1.0)
    weight = tl.load(weight_ptr + offsets % features, mask=mask)
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x / tl.sqrt_rn(mean + eps) * weight, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, features = x.numel(), x.shape[-1]
        squares = torch.empty_like(x)
        mean = torch.empty(x.shape[:-1], device=x.device)
        out = torch.empty_like(x)
        grid = (triton.cdiv(n, 64),)
        square_kernel[grid](x, squares, n, BLOCK=64, num_warps=1)
        mean_kernel[(mean.numel(),)](squares, mean, features, BLOCK=64, num_warps=1)
        scale_kernel[grid](x, mean, self.weight, out, n, features, self.eps, BLOCK=64, num_warps=1)
        return out
