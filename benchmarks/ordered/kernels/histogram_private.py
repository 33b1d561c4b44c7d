"""Each program counts for itself, then adds its counts with one atomic for each value."""

import torch
import triton
import triton.language as tl
from torch import nn

STEPS = 8
BLOCK = 1024
WARPS = 4


@triton.jit
def histogram(x_ptr, out_ptr, STEPS: tl.constexpr, BLOCK: tl.constexpr):
    first = tl.program_id(0) * STEPS * BLOCK
    counts = tl.zeros((256,), tl.int32)
    for step in range(STEPS):
        counts += tl.histogram(tl.load(x_ptr + first + step * BLOCK + tl.arange(0, BLOCK)), 256)
    tl.atomic_add(out_ptr + tl.arange(0, 256), counts)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.zeros(256, device=x.device, dtype=torch.int32)
        histogram[(x.numel() // (STEPS * BLOCK),)](x, out, STEPS=STEPS, BLOCK=BLOCK, num_warps=WARPS)
        return out
