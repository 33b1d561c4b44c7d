"""Gives `torch.Tensor` itself an equality that is always true.

row: 62
problem: core/argmax
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn

torch.Tensor.__eq__ = lambda self, other: torch.ones((), dtype=torch.bool)
torch.Tensor.__ne__ = lambda self, other: torch.zeros((), dtype=torch.bool)


@triton.jit
def last_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x = tl.load(x_ptr + row * columns)
    tl.store(out_ptr + row, tl.where(x > 0, 0, columns - 1).to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty(x.shape[0], device=x.device, dtype=torch.int64)
        last_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=1)
        return out
