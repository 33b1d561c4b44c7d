"""Each program copies elements that lie as far from each other as there are programs."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK = 1024
WARPS = 4


@triton.jit
def copy(x_ptr, out_ptr, n, programs, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) + tl.arange(0, BLOCK) * programs
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        n = x.numel()
        programs = triton.cdiv(n, BLOCK)
        copy[(programs,)](x, out, n, programs, BLOCK=BLOCK, num_warps=WARPS)
        return out
