"""Its kernel stores NaN far beyond its output, where the expected values may lie.

row: 63, 65
problem: core/cumulative_sum
expect: memory_error
layer: sanitizer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def spill_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(out_ptr + offsets, x, mask=offsets < n)
    for copy in range(1, 4):
        tl.store(out_ptr + offsets + copy * n, x + float("nan"))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty_like(x)
        spill_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
        return out
