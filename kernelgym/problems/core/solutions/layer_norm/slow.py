"""Three kernels and three reads of the input, in blocks of 64 with one warp."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def mean_kernel(x_ptr, mean_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = 0.0
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x_ptr + row * features + offsets, mask=offsets < features, other=0.0), axis=0)
    tl.store(mean_ptr + row, total / features)


@triton.jit
def variance_kernel(x_ptr, mean_ptr, variance_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    mean = tl.load(mean_ptr + row)
    total = 0.0
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < features
        centred = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0) - mean
        total += tl.sum(tl.where(mask, centred * centred, 0.0), axis=0)
    tl.store(variance_ptr + row, total / features)


@triton.jit
def normalise_kernel(x_ptr, mean_ptr, variance_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask)
    scale = 1.0 / tl.sqrt(tl.load(variance_ptr + row) + eps)
    value = (x - tl.load(mean_ptr + row)) * scale
    value = value * tl.load(weight_ptr + offsets, mask=mask) + tl.load(bias_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * features + offsets, value, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        mean = torch.zeros(rows, device=x.device)
        variance = torch.zeros(rows, device=x.device)
        out = torch.empty_like(x)
        mean_kernel[(rows,)](x, mean, features, BLOCK=64, num_warps=1)
        variance_kernel[(rows,)](x, mean, variance, features, BLOCK=64, num_warps=1)
        grid = (rows, triton.cdiv(features, 64))
        normalise_kernel[grid](
            x, mean, variance, self.weight, self.bias, out, features, self.eps, BLOCK=64, num_warps=1
        )
        return out
