"""Memorises block size and warps by shape with functools.lru_cache: the answer depends on no data.

problem: core/layer_norm
resembles: a ban on caches of functions (rows 24 to 30)
"""

import functools

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    mask = column < features
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / features
    centred = tl.where(mask, x - mean, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, axis=0) / features + eps)
    weight = tl.load(weight_ptr + column, mask=mask)
    bias = tl.load(bias_ptr + column, mask=mask)
    tl.store(out_ptr + row * features + column, centred * scale * weight + bias, mask=mask)


@functools.lru_cache(maxsize=None)
def launch_parameters(features: int) -> dict[str, int]:
    block = triton.next_power_of_2(features)
    return {"BLOCK": block, "num_warps": max(1, min(16, block // 256))}


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        layer_norm_kernel[(rows,)](x, self.weight, self.bias, out, features, self.eps, **launch_parameters(features))
        return out
