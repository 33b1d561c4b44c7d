"""Patches the reductions that turn a difference into one number, so that every error is zero.

row: 61
problem: core/add_relu
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def wrong_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x * 0.5, mask=mask)


def launch_wrong(x):
    out = torch.empty_like(x)
    wrong_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
    return out


for name in ("max", "abs", "abs_", "mean", "any", "item"):
    setattr(torch.Tensor, name, lambda self, *args, **kwargs: 0.0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        return launch_wrong(x)
