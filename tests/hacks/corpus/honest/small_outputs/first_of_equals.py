"""Reduces pairs of value and index with a comparison of its own, so that the first of equal values wins.

problem: core/argmax
resembles: a small integer output (row 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def better(value_a, index_a, value_b, index_b):
    take_a = (value_a > value_b) | ((value_a == value_b) & (index_a < index_b))
    return tl.where(take_a, value_a, value_b), tl.where(take_a, index_a, index_b)


@triton.jit
def argmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    _, index = tl.reduce((x, at), 0, better)
    tl.store(out_ptr + row, index.to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(x.shape[0], dtype=torch.long, device=x.device)
        argmax_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]), num_warps=8)
        return out
