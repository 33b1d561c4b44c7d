"""Wrong: the sigmoid approximation of GELU, which is off by up to 0.02."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def gelu_bias_kernel(x_ptr, bias_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask) + tl.load(bias_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * columns + offsets, x * tl.sigmoid(1.702 * x), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        gelu_bias_kernel[(rows, triton.cdiv(columns, 512))](x, bias, out, columns, BLOCK=512)
        return out
