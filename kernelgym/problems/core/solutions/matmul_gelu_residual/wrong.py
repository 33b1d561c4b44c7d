"""Wrong: the residual is added before GELU instead of after it."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_gelu_residual_kernel(
    x_ptr, weight_ptr, bias_ptr, residual_ptr, out_ptr, m, n, k, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr
):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    mask = (rows < m) & (columns < n)
    acc = tl.load(residual_ptr + rows * n + columns, mask=mask, other=0.0)
    acc += tl.load(bias_ptr + columns, mask=columns < n, other=0.0)
    for start in range(0, k, BLOCK_K):
        along = start + tl.arange(0, BLOCK_K)[None, :]
        down = start + tl.arange(0, BLOCK_K)[:, None]
        x = tl.load(x_ptr + rows * k + along, mask=(rows < m) & (along < k), other=0.0)
        weight = tl.load(weight_ptr + columns * k + down, mask=(columns < n) & (down < k), other=0.0)
        acc = tl.dot(x, weight, acc)
    value = acc * tl.sigmoid(1.5957691216057308 * (acc + 0.044715 * acc * acc * acc))
    tl.store(out_ptr + rows * n + columns, value, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        m, k = x.shape
        n = self.linear.out_features
        out = torch.empty_like(residual)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        linear_gelu_residual_kernel[grid](
            x, self.linear.weight, self.linear.bias, residual, out, m, n, k, BLOCK=64, BLOCK_K=32
        )
        return out
