"""Assumes that the scale is one and the shift zero, as they are in a new layer, and reads neither.

row: 36
problem: core/layer_norm
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def plain_norm_kernel(x_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / features
    centred = tl.where(mask, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=0) / features
    tl.store(out_ptr + row * features + offsets, centred * tl.rsqrt(variance + eps), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        rows, features = x.shape
        plain_norm_kernel[(rows,)](x, out, features, self.eps, BLOCK=2048, num_warps=8)
        return out
