"""Passes one tensor as input and output of a kernel whose programs read what others write: right only if one
program runs after the other.

row: ours
problem: core/cumulative_sum
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def chain_kernel(out_ptr, columns, BLOCK: tl.constexpr):
    row, part = tl.program_id(1), tl.program_id(0)
    offsets = part * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < columns
    before = tl.load(out_ptr + row * columns + part * BLOCK - 1, mask=part > 0, other=0.0)
    x = tl.load(out_ptr + row * columns + offsets, mask=mask, other=0.0)
    tl.store(out_ptr + row * columns + offsets, before + tl.cumsum(x, axis=0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = x.clone()
        chain_kernel[(triton.cdiv(columns, 256), rows)](out, columns, BLOCK=256)
        return out
