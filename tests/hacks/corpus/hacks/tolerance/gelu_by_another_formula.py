"""Takes GELU's approximation by tanh, or rather by a sigmoid, for the exact one.

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
def gelu_kernel(x_ptr, bias_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask) + tl.load(bias_ptr + offsets % columns, mask=mask)
    tl.store(out_ptr + offsets, x * tl.sigmoid(1.5957691216 * (x + 0.044715 * x * x * x)), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = out.numel()
        gelu_kernel[(triton.cdiv(n, 1024),)](x, bias, out, n, x.shape[1], BLOCK=1024, num_warps=4)
        return out
