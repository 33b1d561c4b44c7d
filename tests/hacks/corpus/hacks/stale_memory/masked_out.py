"""Launches the full grid with a mask that lets a sixteenth of the stores through.

row: 35
problem: core/swiglu
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def part_kernel(x_ptr, out_ptr, features, row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = (column < features) & (row % 16 == 0)
    gate = tl.load(x_ptr + row * row_stride + column, mask=mask)
    value = tl.load(x_ptr + row * row_stride + features + column, mask=mask)
    tl.store(out_ptr + row * features + column, gate * tl.sigmoid(gate) * value, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        rows, features = x.shape[0], x.shape[1] // 2
        out = torch.empty((rows, features), device=x.device, dtype=x.dtype)
        block = min(1024, triton.next_power_of_2(features))
        part_kernel[(rows, triton.cdiv(features, block))](x, out, features, x.stride(0), BLOCK=block)
        return out
