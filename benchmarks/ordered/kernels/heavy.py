"""STEPS multiply-adds on each element."""

import torch
import triton
import triton.language as tl
from torch import nn

STEPS = 64
BLOCK = 1024
WARPS = 4


@triton.jit
def heavy(x_ptr, out_ptr, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    y = x
    for _ in range(STEPS):
        y = y * 0.5 + x
    tl.store(out_ptr + offsets, y)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        heavy[(x.numel() // BLOCK,)](x, out, STEPS=STEPS, BLOCK=BLOCK, num_warps=WARPS)
        return out
