"""STEPS integer operations on each element: divisions, or shifts instead if SHIFT."""

import torch
import triton
import triton.language as tl
from torch import nn

SHIFT = False
STEPS = 32
BLOCK = 1024
WARPS = 4


@triton.jit
def heavy(x_ptr, divisor_ptr, out_ptr, SHIFT: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    divisor = tl.load(divisor_ptr)
    y = x
    for _ in range(STEPS):
        y = (y >> divisor) + x if SHIFT else y // divisor + x
    tl.store(out_ptr + offsets, y)


class ModelNew(nn.Module):
    def forward(self, x, divisor):
        out = torch.empty_like(x)
        heavy[(x.numel() // BLOCK,)](x, divisor, out, SHIFT=SHIFT, STEPS=STEPS, BLOCK=BLOCK, num_warps=WARPS)
        return out
