"""Writes every second row of the output and leaves the others as they were allocated.

row: 35
problem: core/rms_norm
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_norm_kernel(x_ptr, weight_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = 2 * tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0)
    scale = tl.rsqrt(tl.sum(x * x, axis=0) / features + eps)
    weight = tl.load(weight_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * features + offsets, x * scale * weight, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        features = x.shape[-1]
        rows = x.numel() // features
        block = triton.next_power_of_2(features)
        rms_norm_kernel[(triton.cdiv(rows, 2),)](x, self.weight, out, features, self.eps, BLOCK=block)
        return out
