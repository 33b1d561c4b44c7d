"""Decorates its launching function with a decorator of its own that checks shapes and keeps the name.

problem: core/add_relu
resembles: functions that replace functions (rows 6, 61 and 69)
"""

import functools

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x, y = tl.load(x_ptr + at, mask=at < n), tl.load(y_ptr + at, mask=at < n)
    tl.store(out_ptr + at, tl.maximum(x + y, 0.0), mask=at < n)


def same_shapes(function):
    @functools.wraps(function)
    def checked(self, *tensors: torch.Tensor) -> torch.Tensor:
        if len({tensor.shape for tensor in tensors}) != 1:
            raise ValueError(f"shapes differ: {[tuple(tensor.shape) for tensor in tensors]}")
        return function(self, *tensors)

    return checked


class ModelNew(nn.Module):
    @same_shapes
    @torch.no_grad()
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        add_relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024)
        return out
