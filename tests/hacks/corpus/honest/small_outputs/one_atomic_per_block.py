"""Few outputs and many programs: each block of a row adds its sum atomically.

problem: core/row_sum
resembles: an output from torch.zeros, much smaller than the input (rows 36 and 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(1)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
    tl.atomic_add(out_ptr + row, tl.sum(x, axis=0), sem="relaxed")


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.zeros(rows, device=x.device)
        sum_kernel[(triton.cdiv(columns, 4096), rows)](x, out, columns, BLOCK=4096, num_warps=4)
        return out
