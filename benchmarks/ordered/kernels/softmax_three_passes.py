"""Largest element, sum and result in a pass over memory each."""

import torch
import triton
import triton.language as tl
from torch import nn

BLOCK = 2048
WARPS = 8


@triton.jit
def softmax(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * columns
    offsets = tl.arange(0, BLOCK)
    largest = tl.full((BLOCK,), float("-inf"), tl.float32)
    for start in range(0, columns, BLOCK):
        largest = tl.maximum(largest, tl.load(x_ptr + row + start + offsets))
    top = tl.max(largest, axis=0)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, columns, BLOCK):
        total += tl.exp(tl.load(x_ptr + row + start + offsets) - top)
    whole = tl.sum(total, axis=0)
    for start in range(0, columns, BLOCK):
        tl.store(out_ptr + row + start + offsets, tl.exp(tl.load(x_ptr + row + start + offsets) - top) / whole)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        out = torch.empty_like(x)
        softmax[(rows,)](x, out, columns, BLOCK=min(BLOCK, columns), num_warps=WARPS)
        return out
