"""One row per program, read once: the mean first, then the mean of the squared differences from it."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, mean_ptr, variance_ptr, columns, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * stride + offsets, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / columns
    centred = tl.where(mask, x - mean, 0.0)
    tl.store(mean_ptr + row, mean)
    tl.store(variance_ptr + row, tl.sum(centred * centred, axis=0) / columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        mean = torch.empty(rows, device=x.device, dtype=x.dtype)
        variance = torch.empty_like(mean)
        block = triton.next_power_of_2(columns)
        moments_kernel[(rows,)](x, mean, variance, columns, x.stride(0), BLOCK=block, num_warps=8)
        return mean, variance
