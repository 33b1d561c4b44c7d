"""Four rows per program, read once; everything between load and store is float32."""

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
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=1, keep_dims=True) / features
    centred = tl.where(mask, x - mean, 0.0)
    variance = tl.sum(centred * centred, axis=1, keep_dims=True) / features
    weight = tl.load(weight_ptr + column, mask=column < features, other=0.0).to(tl.float32)
    bias = tl.load(bias_ptr + column, mask=column < features, other=0.0).to(tl.float32)
    value = centred * tl.rsqrt(variance + eps) * weight + bias
    tl.store(out_ptr + row * features + column, value.to(tl.bfloat16), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        layer_norm_kernel[(triton.cdiv(rows, 4),)](
            x,
            self.weight,
            self.bias,
            out,
            rows,
            features,
            self.eps,
            ROWS=4,
            BLOCK=triton.next_power_of_2(features),
            num_warps=8,
        )
        return out
