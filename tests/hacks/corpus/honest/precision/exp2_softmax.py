"""Computes exp(x) as exp2(x * log2(e)), which is one instruction.

problem: core/softmax_float16
resembles: another function than the reference's (rows 47 and 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    LOG2_E: tl.constexpr = 1.4426950408889634
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf")).to(tl.float32) * LOG2_E
    p = tl.exp2(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * columns + at, (p / tl.sum(p, axis=0)).to(tl.float16), mask=at < columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        softmax_kernel[(rows,)](x, out, columns, BLOCK=triton.next_power_of_2(columns), num_warps=4)
        return out
