"""Every element is added to the result with an atomic of its own: slow, and inexact."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK = 1024
WARPS = 4


@triton.jit
def total_sum(x_ptr, out_ptr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.atomic_add(out_ptr + offsets * 0, tl.load(x_ptr + offsets))


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.zeros((), device=x.device)
        total_sum[(x.numel() // BLOCK,)](x, out, BLOCK=BLOCK, num_warps=WARPS)
        return out
