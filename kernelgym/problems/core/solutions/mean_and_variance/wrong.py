"""Wrong: the variance is the mean square minus the squared mean, which cancel where the mean is large."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, mean_ptr, variance_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    mean = tl.sum(x, axis=0) / columns
    tl.store(mean_ptr + row, mean)
    tl.store(variance_ptr + row, tl.sum(x * x, axis=0) / columns - mean * mean)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        mean = torch.empty(rows, device=x.device)
        variance = torch.empty(rows, device=x.device)
        moments_kernel[(rows,)](x, mean, variance, columns, BLOCK=triton.next_power_of_2(columns))
        return mean, variance
