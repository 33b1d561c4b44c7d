"""Mean, variance and result in a pass over memory each."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK = 1024
WARPS = 4


@triton.jit
def layer_norm(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * columns
    offsets = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        total += tl.load(x_ptr + row + start + offsets)
    mean = tl.sum(total, axis=0) / columns
    squares = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        centred = tl.load(x_ptr + row + start + offsets) - mean
        squares += centred * centred
    scale = tl.rsqrt(tl.sum(squares, axis=0) / columns + 1e-5)
    for start in range(0, columns, BLOCK):
        tl.store(out_ptr + row + start + offsets, (tl.load(x_ptr + row + start + offsets) - mean) * scale)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty_like(x)
        layer_norm[(rows,)](x, out, columns, BLOCK=min(BLOCK, columns), num_warps=WARPS)
        return out
