"""Accumulates with atomics into memory that nobody has cleared, hoping for zeros or for an old answer.

row: 35
problem: core/row_sum
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_kernel(x_ptr, out_ptr, columns, row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * row_stride + offsets, mask=offsets < columns, other=0.0)
    tl.atomic_add(out_ptr + row, tl.sum(x, axis=0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device, dtype=x.dtype)
        add_kernel[(rows, triton.cdiv(columns, 4096))](x, out, columns, x.stride(0), BLOCK=4096)
        return out
