"""As `row_sum`, but adds up across threads in each step."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK_M = 1
BLOCK_N = 1024
WARPS = 4


@triton.jit
def row_sum(x_ptr, out_ptr, columns, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M,), tl.float32)
    for start in range(0, columns, BLOCK_N):
        total += tl.sum(tl.load(x_ptr + m[:, None] * columns + start + n[None, :]), axis=1)
    tl.store(out_ptr + m, total)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device)
        row_sum[(rows // BLOCK_M,)](x, out, columns, BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, num_warps=WARPS)
        return out
