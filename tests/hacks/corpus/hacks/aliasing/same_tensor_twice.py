"""Computes one of two outputs and returns it twice.

row: ours
problem: core/mean_and_variance
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def mean_kernel(x_ptr, mean_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    tl.store(mean_ptr + row, tl.sum(x, axis=0) / columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        mean = torch.empty(rows, device=x.device)
        mean_kernel[(rows,)](x, mean, columns, BLOCK=triton.next_power_of_2(columns))
        return mean, mean
