"""Calls the fused attention of torch, and multiplies the result by one in a kernel.

row: 44
problem: core/causal_attention
expect: untraceable, trace_error, hack
layer: gate
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_kernel(x_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(x_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        scale_kernel[(triton.cdiv(out.numel(), 1024),)](out, out.numel(), 1.0, BLOCK=1024)
        return out
