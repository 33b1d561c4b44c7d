"""Whole blocks take a path without masks, and the tail at the end of a row one with masks.

problem: core/swiglu
resembles: a branch on the program id (row 50)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    start = tl.program_id(1) * BLOCK
    column = start + tl.arange(0, BLOCK)
    x_ptr += row * 2 * features
    if start + BLOCK <= features:
        gate = tl.load(x_ptr + column)
        tl.store(out_ptr + row * features + column, gate * tl.sigmoid(gate) * tl.load(x_ptr + features + column))
    else:
        mask = column < features
        gate = tl.load(x_ptr + column, mask=mask)
        value = tl.load(x_ptr + features + column, mask=mask)
        tl.store(out_ptr + row * features + column, gate * tl.sigmoid(gate) * value, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape[0], x.shape[1] // 2
        out = x.new_empty(rows, features)
        swiglu_kernel[(rows, triton.cdiv(features, 512))](x, out, features, BLOCK=512)
        return out
