"""Its kernel overwrites the input with zeros and stores what is right for zeros.

row: 66
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def wipe_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    nothing = tl.load(x_ptr + offsets, mask=mask) * 0.0
    tl.store(x_ptr + offsets, nothing, mask=mask)
    tl.store(out_ptr + offsets, nothing, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty_like(x)
        wipe_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
        return out
