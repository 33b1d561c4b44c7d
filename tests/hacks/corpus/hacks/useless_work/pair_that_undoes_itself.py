"""Lets torch do the work, adds one in one kernel and takes it away in another, which rounds the answer.

row: 38
problem: core/softmax
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def up_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + 1.0, mask=mask)


@triton.jit
def down_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x - 1.0, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer = torch.softmax(x, dim=-1)
        n = answer.numel()
        middle, out = torch.empty_like(answer), torch.empty_like(answer)
        up_kernel[(triton.cdiv(n, 1024),)](answer, middle, n, BLOCK=1024)
        down_kernel[(triton.cdiv(n, 1024),)](middle, out, n, BLOCK=1024)
        return out
