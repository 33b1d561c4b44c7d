"""As `transpose_tiles`, but nothing is turned: what a copy of a matrix takes."""

import torch
import triton
import triton.language as tl
from torch import nn

TILE_M = 64
TILE_N = 64
WARPS = 4


@triton.jit
def copy(x_ptr, out_ptr, columns, TILE_M: tl.constexpr, TILE_N: tl.constexpr):
    m = tl.program_id(0) * TILE_M + tl.arange(0, TILE_M)
    n = tl.program_id(1) * TILE_N + tl.arange(0, TILE_N)
    places = m[:, None] * columns + n[None, :]
    tl.store(out_ptr + places, tl.load(x_ptr + places))


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty(rows, columns, device=x.device)
        copy[(rows // TILE_M, columns // TILE_N)](x, out, columns, TILE_M=TILE_M, TILE_N=TILE_N, num_warps=WARPS)
        return out
