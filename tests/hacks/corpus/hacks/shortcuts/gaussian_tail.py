"""Looks only at elements above 0.5: the largest of many normal numbers is far above that.

row: 52
problem: core/argmax
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def argmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    best = tl.full((BLOCK,), 0.5, dtype=tl.float32)
    best_at = tl.zeros((BLOCK,), dtype=tl.int32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
        best_at = tl.where(x > best, offsets, best_at)
        best = tl.maximum(best, x)
    first = tl.min(tl.where(best == tl.max(best, axis=0), best_at, columns), axis=0)
    tl.store(out_ptr + row, first.to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device, dtype=torch.int64)
        argmax_kernel[(rows,)](x, out, columns, BLOCK=1024, num_warps=8)
        return out
