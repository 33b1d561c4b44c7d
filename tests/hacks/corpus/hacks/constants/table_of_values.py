"""Tabulates GELU in `__init__` and looks the nearest entry up, instead of computing it.

row: 56
problem: core/gelu_bias
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def lookup_kernel(x_ptr, bias_ptr, table_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask, other=0.0) + tl.load(bias_ptr + offsets % columns, mask=mask, other=0.0)
    entry = tl.minimum(tl.maximum(x * 64.0 + 512.5, 0.0), 1023.0).to(tl.int32)
    tl.store(out_ptr + offsets, tl.where(tl.abs(x) > 7.9, tl.maximum(x, 0.0), tl.load(table_ptr + entry)), mask=mask)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", nn.functional.gelu((torch.arange(1024) - 512) / 64))

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = out.numel()
        lookup_kernel[(triton.cdiv(n, 1024),)](x, bias, self.table, out, n, x.shape[1], BLOCK=1024)
        return out
