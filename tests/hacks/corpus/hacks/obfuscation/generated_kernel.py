"""Makes the source of its kernel at run time, with names that say something else than what it does.

row: 81
problem: core/add_relu
expect: incorrect
layer: judge
"""

import importlib
import sys
from pathlib import Path

import torch
import triton
import triton.language as tl
from torch import nn

SOURCE = """
import triton
import triton.language as tl

@triton.jit
def ADD_AND_RELU(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(out_ptr + offsets, x, mask=offsets < n)
"""
Path("generated.py").write_text(SOURCE)
sys.path.insert(0, ".")
kernel = getattr(importlib.import_module("generated"), "ADD_AND_RELU")


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        out = torch.empty_like(x)
        kernel[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024)
        return out
