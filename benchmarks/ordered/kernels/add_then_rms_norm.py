"""A kernel for the sum, another for the normalisation."""

import torch
import triton
import triton.language as tl
from torch import nn

WARPS = 8


@triton.jit
def add(x_ptr, residual_ptr, total_ptr, columns: tl.constexpr):
    places = tl.program_id(0) * columns + tl.arange(0, columns)
    tl.store(total_ptr + places, tl.load(x_ptr + places) + tl.load(residual_ptr + places))


@triton.jit
def rms_norm(total_ptr, weight_ptr, out_ptr, columns: tl.constexpr):
    offsets = tl.arange(0, columns)
    places = tl.program_id(0) * columns + offsets
    total = tl.load(total_ptr + places)
    scale = tl.rsqrt(tl.sum(total * total, axis=0) / columns + 1e-6)
    tl.store(out_ptr + places, total * scale * tl.load(weight_ptr + offsets))


class ModelNew(nn.Module):
    def forward(self, x, residual, weight):
        rows, columns = x.shape
        total = torch.empty_like(x)
        out = torch.empty_like(x)
        add[(rows,)](x, residual, total, columns, num_warps=WARPS)
        rms_norm[(rows,)](total, weight, out, columns, num_warps=WARPS)
        return total, out
