"""Two kernels, each of which walks along the rows with one warp, 64 elements at a time."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def mean_kernel(x_ptr, mean_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = 0.0
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0), axis=0)
    tl.store(mean_ptr + row, total / columns)


@triton.jit
def variance_kernel(x_ptr, mean_ptr, variance_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    mean = tl.load(mean_ptr + row)
    total = 0.0
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=mean)
        total += tl.sum((x - mean) * (x - mean), axis=0)
    tl.store(variance_ptr + row, total / columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        mean = torch.empty(rows, device=x.device)
        variance = torch.empty(rows, device=x.device)
        mean_kernel[(rows,)](x, mean, columns, BLOCK=64, num_warps=1)
        variance_kernel[(rows,)](x, mean, variance, columns, BLOCK=64, num_warps=1)
        return mean, variance
