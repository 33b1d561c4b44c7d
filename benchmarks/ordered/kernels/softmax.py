"""Each program keeps BLOCK_M whole rows in registers."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK_M = 1
WARPS = 8


@triton.jit
def softmax(x_ptr, out_ptr, columns, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.arange(0, BLOCK_N)
    places = m[:, None] * columns + n[None, :]
    mask = n[None, :] < columns
    x = tl.load(x_ptr + places, mask=mask, other=float("-inf"))
    e = tl.exp(x - tl.max(x, axis=1)[:, None])
    tl.store(out_ptr + places, e / tl.sum(e, axis=1)[:, None], mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty_like(x)
        block = triton.next_power_of_2(columns)
        softmax[(rows // BLOCK_M,)](x, out, columns, BLOCK_M=BLOCK_M, BLOCK_N=block, num_warps=WARPS)
        return out
