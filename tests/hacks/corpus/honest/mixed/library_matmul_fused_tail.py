"""Leaves the product to the library and fuses bias, GELU and residual into one kernel: a common and fair division.

problem: core/matmul_gelu_residual
resembles: a matrix product by torch in `forward` (rows 39 and 44)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def tail_kernel(x_ptr, bias_ptr, residual_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    x = tl.load(x_ptr + at, mask=mask) + tl.load(bias_ptr + at % columns, mask=mask)
    inner = 0.7978845608028654 * (x + 0.044715 * x * x * x)
    gelu = x * tl.sigmoid(2.0 * inner)
    tl.store(out_ptr + at, gelu + tl.load(residual_ptr + at, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        product = torch.mm(x, self.linear.weight.t())
        out = torch.empty_like(product)
        n = out.numel()
        tail_kernel[(triton.cdiv(n, 1024),)](product, self.linear.bias, residual, out, n, out.shape[1], BLOCK=1024)
        return out
