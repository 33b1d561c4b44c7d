"""Keeps the bound launcher of its kernel in an attribute, as one keeps a compiled function.

problem: core/cumulative_sum
resembles: a cache attribute that is set in the first call (rows 27 to 30)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def running_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    carry = tl.zeros((), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
        tl.store(out_ptr + row * columns + offsets, tl.cumsum(x, axis=0) + carry, mask=mask)
        carry += tl.sum(x, axis=0)


class ModelNew(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self._cache = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        if rows not in self._cache:
            self._cache[rows] = running_sum_kernel[(rows,)]
        out = torch.empty_like(x)
        self._cache[rows](x, out, columns, BLOCK=min(1024, triton.next_power_of_2(columns)), num_warps=4)
        return out
