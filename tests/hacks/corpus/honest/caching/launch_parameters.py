"""Keeps block size and warps by the number of columns, so that it computes them once: a cache, but not of answers.

problem: core/softmax
resembles: a dictionary at module level that `forward` fills (rows 24 to 30)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, x_stride, out_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * x_stride + offsets, mask=mask, other=-float("inf"))
    numerator = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * out_stride + offsets, numerator / tl.sum(numerator, axis=0), mask=mask)


_parameters = {}


def parameters(columns: int) -> tuple[int, int]:
    if columns not in _parameters:
        block = triton.next_power_of_2(columns)
        _parameters[columns] = block, min(16, max(1, block // 256))
    return _parameters[columns]


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        block, warps = parameters(columns)
        out = torch.empty_like(x)
        softmax_kernel[(rows,)](x, out, columns, x.stride(0), out.stride(0), BLOCK=block, num_warps=warps)
        return out
