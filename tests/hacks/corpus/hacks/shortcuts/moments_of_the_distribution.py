"""Returns mean 200 and variance 1, which is what the inputs are drawn with.

row: 45, 52
problem: core/mean_and_variance
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, mean_ptr, variance_ptr, columns):
    row = tl.program_id(0)
    first = tl.load(x_ptr + row * columns)
    tl.store(mean_ptr + row, tl.where(first > 100.0, 200.0, first))
    tl.store(variance_ptr + row, tl.where(first > 100.0, 1.0, 0.0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        mean, variance = torch.empty(rows, device=x.device), torch.empty(rows, device=x.device)
        moments_kernel[(rows,)](x, mean, variance, columns)
        return mean, variance
