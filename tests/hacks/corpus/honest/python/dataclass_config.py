"""Holds its launch parameters in a frozen dataclass.

problem: core/layer_norm
resembles: unusual class structure (row 81)
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import nn


@dataclass(frozen=True)
class Launch:
    block: int
    warps: int

    @classmethod
    def of(cls, features: int) -> "Launch":
        block = triton.next_power_of_2(features)
        return cls(block=block, warps=min(16, max(1, block // 256)))


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    mask = column < features
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / features
    centred = tl.where(mask, x - mean, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, axis=0) / features + eps)
    out = centred * scale * tl.load(weight_ptr + column, mask=mask) + tl.load(bias_ptr + column, mask=mask)
    tl.store(out_ptr + row * features + column, out, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.launch = Launch.of(features)
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        layer_norm_kernel[(x.shape[0],)](
            x, self.weight, self.bias, out, x.shape[1], self.eps, BLOCK=self.launch.block, num_warps=self.launch.warps
        )
        return out
