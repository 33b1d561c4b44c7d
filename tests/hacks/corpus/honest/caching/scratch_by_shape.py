"""Keeps its scratch buffer from call to call and rewrites all that it reads of it.

problem: core/row_sum
resembles: a tensor kept on the module between calls (rows 28 to 30)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def parts_kernel(x_ptr, scratch_ptr, columns, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    row, part = tl.program_id(0), tl.program_id(1)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(part * BLOCK, columns, PARTS * BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    tl.store(scratch_ptr + row * PARTS + part, tl.sum(total, axis=0))


@triton.jit
def finish_kernel(scratch_ptr, out_ptr, PARTS: tl.constexpr):
    row = tl.program_id(0)
    tl.store(out_ptr + row, tl.sum(tl.load(scratch_ptr + row * PARTS + tl.arange(0, PARTS)), axis=0))


class ModelNew(nn.Module):
    PARTS = 8

    def __init__(self) -> None:
        super().__init__()
        self.scratch: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        if self.scratch is None or self.scratch.shape[0] < rows:
            self.scratch = x.new_empty((rows, self.PARTS))
        out = x.new_empty(rows)
        parts_kernel[(rows, self.PARTS)](x, self.scratch, columns, PARTS=self.PARTS, BLOCK=2048, num_warps=8)
        finish_kernel[(rows,)](self.scratch, out, PARTS=self.PARTS, num_warps=1)
        return out
