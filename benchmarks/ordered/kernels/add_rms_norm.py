"""One kernel for the sum and the normalisation."""

import torch
import triton
import triton.language as tl
from torch import nn

WARPS = 8


@triton.jit
def add_rms_norm(x_ptr, residual_ptr, weight_ptr, total_ptr, out_ptr, columns: tl.constexpr):
    offsets = tl.arange(0, columns)
    places = tl.program_id(0) * columns + offsets
    total = tl.load(x_ptr + places) + tl.load(residual_ptr + places)
    tl.store(total_ptr + places, total)
    scale = tl.rsqrt(tl.sum(total * total, axis=0) / columns + 1e-6)
    tl.store(out_ptr + places, total * scale * tl.load(weight_ptr + offsets))


class ModelNew(nn.Module):
    def forward(self, x, residual, weight):
        rows, columns = x.shape
        total = torch.empty_like(x)
        out = torch.empty_like(x)
        add_rms_norm[(rows,)](x, residual, weight, total, out, columns, num_warps=WARPS)
        return total, out
