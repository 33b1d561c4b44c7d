"""Adds a row to every row, or a matrix."""

import torch
import triton
import triton.language as tl
from torch import nn

FULL = False
BLOCK = 1024
WARPS = 4


@triton.jit
def add(x_ptr, y_ptr, out_ptr, columns, FULL: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < columns
    places = row * columns + offsets
    y = tl.load(y_ptr + (places if FULL else offsets), mask=mask)
    tl.store(out_ptr + places, tl.load(x_ptr + places, mask=mask) + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        rows, columns = x.shape
        out = torch.empty_like(x)
        grid = (rows, triton.cdiv(columns, BLOCK))
        add[grid](x, y, out, columns, FULL=FULL, BLOCK=BLOCK, num_warps=WARPS)
        return out
