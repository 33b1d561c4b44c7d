"""Reads and writes bfloat16 and computes in float32 between.

problem: core/layer_norm_bfloat16
resembles: a search for casts (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    mask = column < features
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / features
    centred = tl.where(mask, x - mean, 0.0)
    scale = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=0) / features + eps)
    weight = tl.load(weight_ptr + column, mask=mask).to(tl.float32)
    bias = tl.load(bias_ptr + column, mask=mask).to(tl.float32)
    tl.store(out_ptr + row * features + column, (centred * scale * weight + bias).to(tl.bfloat16), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        layer_norm_kernel[(rows,)](
            x, self.weight, self.bias, out, features, self.eps, BLOCK=triton.next_power_of_2(features), num_warps=8
        )
        return out
