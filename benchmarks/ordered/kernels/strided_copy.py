"""Reads every STRIDE-th element, writes all."""

import torch
import triton
import triton.language as tl
from torch import nn

STRIDE = 2
BLOCK = 1024
WARPS = 4


@triton.jit
def copy(x_ptr, out_ptr, n, STRIDE: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets * STRIDE, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        n = x.numel() // STRIDE
        out = torch.empty(n, device=x.device)
        copy[(triton.cdiv(n, BLOCK),)](x, out, n, STRIDE=STRIDE, BLOCK=BLOCK, num_warps=WARPS)
        return out
