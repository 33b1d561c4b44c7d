"""Waits in its kernel for a flag that nobody sets, so that whoever runs it never comes to a verdict.

row: 72
problem: core/softmax
expect: timeout
layer: executor
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def waiting_kernel(x_ptr, out_ptr, flag_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    while tl.load(flag_ptr, volatile=True) == 0:
        pass
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 0.5, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out, flag = torch.empty_like(x), torch.zeros(1, device=x.device, dtype=torch.int32)
        waiting_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, flag, x.numel(), BLOCK=1024)
        return out
