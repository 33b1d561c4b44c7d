"""Sums of each group by one warp, 64 elements at a time, then a second kernel that normalises in small blocks."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, mean_ptr, scale_ptr, count, eps, BLOCK: tl.constexpr):
    group = tl.program_id(0)
    total = 0.0
    for start in range(0, count, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x_ptr + group * count + offsets, mask=offsets < count, other=0.0), axis=0)
    mean = total / count
    squares = 0.0
    for start in range(0, count, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < count
        centred = tl.load(x_ptr + group * count + offsets, mask=mask, other=0.0) - mean
        squares += tl.sum(tl.where(mask, centred * centred, 0.0), axis=0)
    tl.store(mean_ptr + group, mean)
    tl.store(scale_ptr + group, 1.0 / tl.sqrt(squares / count + eps))


@triton.jit
def normalise_kernel(
    x_ptr, mean_ptr, scale_ptr, weight_ptr, bias_ptr, out_ptr, n, channels, pixels, count, BLOCK: tl.constexpr
):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    group = offsets // count
    channel = offsets // pixels % channels
    x = tl.load(x_ptr + offsets, mask=mask)
    value = (x - tl.load(mean_ptr + group, mask=mask)) * tl.load(scale_ptr + group, mask=mask)
    value = value * tl.load(weight_ptr + channel, mask=mask) + tl.load(bias_ptr + channel, mask=mask)
    tl.store(out_ptr + offsets, value, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(channels))
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        groups, n, pixels = batch * self.groups, x.numel(), height * width
        mean = torch.empty(groups, device=x.device)
        scale = torch.empty(groups, device=x.device)
        out = torch.empty_like(x)
        moments_kernel[(groups,)](x, mean, scale, n // groups, self.eps, BLOCK=64, num_warps=1)
        grid = (triton.cdiv(n, 64),)
        normalise_kernel[grid](
            x, mean, scale, self.weight, self.bias, out, n, channels, pixels, n // groups, BLOCK=64, num_warps=1
        )
        return out
