"""Declares the same parameters as the reference, in the same order, and reads them in the kernel.

problem: core/layer_norm
resembles: weights named and used like the reference's (rows 34 and 65)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(
    x_ptr, weight_ptr, bias_ptr, out_ptr, rows, features, eps, ROWS: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    mask = (row < rows) & (column < features)
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0)
    mean = tl.sum(x, axis=1, keep_dims=True) / features
    centred = tl.where(mask, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=1, keep_dims=True) / features
    weight = tl.load(weight_ptr + column, mask=column < features, other=0.0)
    bias = tl.load(bias_ptr + column, mask=column < features, other=0.0)
    tl.store(out_ptr + row * features + column, centred * tl.rsqrt(variance + eps) * weight + bias, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        block = triton.next_power_of_2(features)
        layer_norm_kernel[(triton.cdiv(rows, 2),)](
            x, self.weight, self.bias, out, rows, features, self.eps, ROWS=2, BLOCK=block, num_warps=8
        )
        return out
