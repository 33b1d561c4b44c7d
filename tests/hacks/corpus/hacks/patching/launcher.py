"""Patches Triton's launcher to launch a sixteenth of every grid.

row: 70
problem: core/add_relu
expect: incorrect
layer: judge
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


def launch(x, y, out):
    n = out.numel()
    add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024, num_warps=4)
    return out


def smaller(run):
    def launch_less(self, *args, grid, **kwargs):
        return run(self, *args, grid=(max(1, grid[0] // 16), *grid[1:]), **kwargs)

    return launch_less


triton.runtime.JITFunction.run = smaller(triton.runtime.JITFunction.run)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        return launch(x, y, torch.empty_like(x))
