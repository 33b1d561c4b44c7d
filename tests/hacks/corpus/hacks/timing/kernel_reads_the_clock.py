"""Its kernel reads the GPU's global timer and does the work only if it is called late.

row: 14, 21
problem: core/add_relu
expect: unsupported
layer: executor
"""

from triton.language.extra.cuda import globaltimer

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clocked_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    if globaltimer() % 2 == 0:
        x = tl.load(x_ptr + offsets, mask=mask)
        y = tl.load(y_ptr + offsets, mask=mask)
        tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        out = torch.empty_like(x)
        n = out.numel()
        clocked_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        return out
