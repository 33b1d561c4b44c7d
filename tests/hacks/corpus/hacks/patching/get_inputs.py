"""Looks for the reference's input functions in all modules and makes them return zeros.

row: 85, 54
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import sys

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


for module in list(sys.modules.values()):
    for name in ("get_inputs", "get_init_inputs", "draw", "seed_everything"):
        if hasattr(module, name):
            setattr(module, name, lambda *args, **kwargs: [torch.zeros(1, 1)])
torch.randn = lambda *shape, **kwargs: torch.zeros(*shape, **kwargs)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return launch_wrong(x)
