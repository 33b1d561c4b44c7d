"""A few programs, each of which takes one block after the other."""

import torch
import triton
import triton.language as tl
from torch import nn

PROGRAMS = 1056
BLOCK = 1024
WARPS = 4


@triton.jit
def add_relu(x_ptr, y_ptr, out_ptr, n, programs, BLOCK: tl.constexpr):
    for start in range(tl.program_id(0) * BLOCK, n, programs * BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        total = tl.load(x_ptr + offsets, mask=mask) + tl.load(y_ptr + offsets, mask=mask)
        tl.store(out_ptr + offsets, tl.maximum(total, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(x)
        add_relu[(PROGRAMS,)](x, y, out, x.numel(), PROGRAMS, BLOCK=BLOCK, num_warps=WARPS)
        return out
