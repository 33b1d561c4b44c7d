"""Swaps the code of the judge's functions for code that agrees.

row: 69
problem: core/transpose
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


def agree(truth, output, inputs_after):
    return Comparison(passed=True, max_error=0.0, tolerance=1.0, detail=None)


try:
    from sandboxes import judge

    judge.compare.__code__ = agree.__code__
except Exception:
    pass


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor):
        return launch_wrong(y)
