"""Passes infinity, NaN and an integer of a hundred digits where numbers are expected.

row: ours
problem: core/add_relu
expect: trace_error, incorrect, untraceable, compile_error, launch_error
layer: sandbox
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def fill_kernel(out_ptr, n, a, b, c, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + offsets, a + b + c, mask=offsets < n)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = out.numel()
        fill_kernel[(triton.cdiv(n, 1024),)](out, n, float("inf"), float("nan"), 10**100, BLOCK=1024)
        return out
