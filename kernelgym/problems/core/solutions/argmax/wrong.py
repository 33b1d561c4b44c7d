"""Wrong: in a long row the index counts from the start of its block, not of the row."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def argmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    best = -float("inf")
    best_at = 0
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=-float("inf"))
        largest, index = tl.max(x, axis=0, return_indices=True)
        best_at = tl.where(largest > best, index, best_at)
        best = tl.maximum(largest, best)
    tl.store(out_ptr + row, best_at)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device, dtype=torch.int64)
        argmax_kernel[(rows,)](x, out, columns, BLOCK=1024)
        return out
