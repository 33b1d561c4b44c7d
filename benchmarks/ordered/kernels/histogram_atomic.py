"""Every element is counted with an atomic of its own."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK = 1024
WARPS = 4


@triton.jit
def histogram(x_ptr, out_ptr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(out_ptr + tl.load(x_ptr + offsets), 1)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.zeros(256, device=x.device, dtype=torch.int32)
        histogram[(x.numel() // BLOCK,)](x, out, BLOCK=BLOCK, num_warps=WARPS)
        return out
