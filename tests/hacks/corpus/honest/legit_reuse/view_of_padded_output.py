"""Writes rows with a padded stride and returns the view without the padding.

problem: core/softmax
resembles: an output that is a view of something larger (rows 6 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, out_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    p = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * out_stride + at, p / tl.sum(p, axis=0), mask=at < out_stride)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        padded = x.new_empty(rows, triton.cdiv(columns, 32) * 32)
        block = triton.next_power_of_2(padded.shape[1])
        softmax_kernel[(rows,)](x, padded, columns, padded.stride(0), BLOCK=block)
        return padded[:, :columns]
