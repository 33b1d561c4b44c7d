"""Each program keeps a whole row in registers."""

import torch
import triton
import triton.language as tl
from torch import nn

WARPS = 16


@triton.jit
def layer_norm(x_ptr, out_ptr, columns: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * columns
    offsets = tl.arange(0, columns)
    x = tl.load(x_ptr + row + offsets)
    centred = x - tl.sum(x, axis=0) / columns
    variance = tl.sum(centred * centred, axis=0) / columns
    tl.store(out_ptr + row + offsets, centred * tl.rsqrt(variance + 1e-5))


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty_like(x)
        layer_norm[(rows,)](x, out, columns, num_warps=WARPS)
        return out
