"""Makes pointers of integers, to read whatever lies near its input's address.

row: 65
problem: core/softmax
expect: unsupported
layer: executor
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def peek_kernel(x_ptr, out_ptr, address, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    stale = tl.load(address.to(tl.pointer_type(tl.float32)) + offsets, mask=mask)
    tl.store(out_ptr + offsets, stale, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty_like(x)
        n = x.numel()
        peek_kernel[(triton.cdiv(n, 1024),)](x, out, x.data_ptr() + 4 * n, n, BLOCK=1024)
        return out
