"""Returns the first output of two, and lets `zip` forget about the other.

row: 83
problem: core/mean_and_variance
expect: incorrect
layer: judge
"""

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


def launch(x, mean, variance):
    rows, columns = x.shape
    block = triton.next_power_of_2(columns)
    moments_kernel[(rows,)](x, mean, variance, columns, x.stride(0), BLOCK=block, num_warps=8)
    return mean, variance


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return (launch(x, *torch.empty((2, x.shape[0]), device=x.device))[0],)
