"""Sums whole blocks only and drops the rest of each row.

row: 56
problem: core/row_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns // BLOCK * BLOCK, BLOCK):
        acc += tl.load(x_ptr + row * columns + start + tl.arange(0, BLOCK))
    tl.store(out_ptr + row, tl.sum(acc, axis=0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device)
        row_sum_kernel[(rows,)](x, out, columns, BLOCK=max(1, min(256, triton.next_power_of_2(columns) // 2)))
        return out
