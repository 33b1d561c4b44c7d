"""Ends with a load of one byte through the same pointers: what was loaded as floats before was once forgotten, and
not paid for.

row: ours
problem: core/add_relu
expect: ok
layer: price
worth: correct
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)
    if tl.program_id(0) == tl.num_programs(0) - 1:
        a = tl.load(x_ptr.to(tl.pointer_type(tl.int8)))
        b = tl.load(y_ptr.to(tl.pointer_type(tl.int8)))
        last = out_ptr.to(tl.pointer_type(tl.int8)) + 4 * (n - 1)
        tl.store(last, tl.load(last) + (a & 0) + (b & 0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024, num_warps=8)
        return out
