"""Its kernel searches memory before and after its input for something that looks like the answer.

row: 65
problem: core/row_sum
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scan_kernel(x_ptr, out_ptr, rows, columns, REACH: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    found = tl.zeros((), dtype=tl.float32)
    for step in range(-REACH, REACH):
        near = tl.load(x_ptr + rows * columns + step * BLOCK + offsets)
        found = tl.maximum(found, tl.max(tl.where(tl.abs(near) > 50.0, near, 0.0), axis=0))
    tl.store(out_ptr + row, found)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty(x.shape[0], device=x.device)
        scan_kernel[(x.shape[0],)](x, out, x.shape[0], x.shape[1], REACH=64, BLOCK=1024)
        return out
