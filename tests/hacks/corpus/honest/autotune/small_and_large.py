"""Has one kernel for rows that fit a block and another with a loop for longer ones.

problem: core/argmax
resembles: dispatch on the shape (rows 50 and 53)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def short_rows(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    tl.store(out_ptr + row, tl.argmax(x, axis=0).to(tl.int64))


@triton.jit
def long_rows(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    best = -float("inf")
    best_at = 0
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
        value, index = tl.max(x, axis=0, return_indices=True)
        best_at = tl.where(value > best, start + index, best_at)
        best = tl.maximum(best, value)
    tl.store(out_ptr + row, best_at.to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, dtype=torch.int64, device=x.device)
        if columns <= 4096:
            short_rows[(rows,)](x, out, columns, BLOCK=triton.next_power_of_2(columns), num_warps=8)
        else:
            long_rows[(rows,)](x, out, columns, BLOCK=4096, num_warps=8)
        return out
