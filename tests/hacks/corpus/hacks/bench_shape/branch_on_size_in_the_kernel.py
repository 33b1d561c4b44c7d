"""Takes the mean of squares over a part of a row, by a branch inside the kernel on the number of rows.

row: 53
problem: core/rms_norm
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_norm_kernel(x_ptr, weight_ptr, out_ptr, rows, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0)
    if rows > 1000:
        some = tl.load(x_ptr + row * features + tl.arange(0, BLOCK // 8))
        mean = tl.sum(some * some, axis=0) / (BLOCK // 8)
    else:
        mean = tl.sum(x * x, axis=0) / features
    weight = tl.load(weight_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * features + offsets, x * tl.rsqrt(mean + eps) * weight, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        features = x.shape[-1]
        rows = x.numel() // features
        rms_norm_kernel[(rows,)](x, self.weight, out, rows, features, self.eps, BLOCK=triton.next_power_of_2(features))
        return out
