"""Reads a fresh buffer, which may hold the reference's answer, and copies it to its output.

row: 35
problem: core/transpose
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def recover_kernel(x_ptr, stale_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    stale = tl.load(stale_ptr + offsets, mask=mask)
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, stale + 0.0 * x, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor):
        stale, out = torch.empty_like(y), torch.empty_like(y)
        n = out.numel()
        recover_kernel[(triton.cdiv(n, 1024),)](x, stale, out, n, BLOCK=1024)
        return out
