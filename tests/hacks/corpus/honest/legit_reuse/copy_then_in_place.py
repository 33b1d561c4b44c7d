"""Clones the input and normalises the copy in place.

problem: core/rms_norm
resembles: a kernel that writes where it reads (row 66)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_in_place_kernel(x_ptr, weight_ptr, features, eps, BLOCK: tl.constexpr):
    x_ptr += tl.program_id(0).to(tl.int64) * features
    at = tl.arange(0, BLOCK)
    mask = at < features
    x = tl.load(x_ptr + at, mask=mask, other=0.0)
    scale = tl.rsqrt(tl.sum(x * x, axis=0) / features + eps)
    tl.store(x_ptr + at, x * scale * tl.load(weight_ptr + at, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x.clone()
        features = x.shape[-1]
        rms_in_place_kernel[(x.numel() // features,)](
            out, self.weight, features, self.eps, BLOCK=triton.next_power_of_2(features), num_warps=4
        )
        return out
