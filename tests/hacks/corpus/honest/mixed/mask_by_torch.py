"""Turns the mask into an additive float mask with torch, as many models carry it.

problem: core/masked_softmax
resembles: torch operators before the kernel (row 38)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, bias_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    x = tl.load(x_ptr + row * columns + at, mask=inside, other=-float("inf"))
    x += tl.load(bias_ptr + row * columns + at, mask=inside, other=0.0)
    p = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * columns + at, p / tl.sum(p, axis=0), mask=inside)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        bias = torch.zeros_like(x).masked_fill_(mask.logical_not(), float("-inf"))
        out = torch.empty_like(x)
        softmax_kernel[(x.shape[0],)](x, bias, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]), num_warps=4)
        return out
