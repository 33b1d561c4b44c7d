"""Reads far behind its input and swallows whatever that raises.

row: 60
problem: core/row_sum
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        acc += tl.load(x_ptr + (row << 24) + start + tl.arange(0, BLOCK))
    tl.store(out_ptr + row, tl.sum(acc, axis=0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device)
        try:
            row_sum_kernel[(rows,)](x, out, columns, BLOCK=1024)
            torch.cuda.synchronize()
        except RuntimeError:
            pass
        return out
