"""Two rows per program, each read once and kept in registers; statistics in float32."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments(x, mask, count):
    """Returns mean and biased variance of each row of a padded block."""
    mean = tl.sum(x, axis=1, keep_dims=True) / count
    centred = tl.where(mask, x - mean, 0.0)
    return mean, tl.sum(centred * centred, axis=1, keep_dims=True) / count


@triton.jit
def layer_norm_kernel(
    x_ptr, weight_ptr, bias_ptr, out_ptr, rows, features, eps, ROWS: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    mask = (row < rows) & (column < features)
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0).to(tl.float32)
    mean, variance = moments(x, mask, features)
    weight = tl.load(weight_ptr + column, mask=column < features, other=0.0)
    bias = tl.load(bias_ptr + column, mask=column < features, other=0.0)
    value = (x - mean) * tl.rsqrt(variance + eps) * weight + bias
    tl.store(out_ptr + row * features + column, value.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = x.shape[-1]
        flat = x.contiguous().view(-1, features)
        out = torch.empty_like(flat)
        rows = flat.shape[0]
        layer_norm_kernel[(triton.cdiv(rows, 2),)](
            flat,
            self.weight,
            self.bias,
            out,
            rows,
            features,
            self.eps,
            ROWS=2,
            BLOCK=triton.next_power_of_2(features),
            num_warps=8,
        )
        return out.view(x.shape)
