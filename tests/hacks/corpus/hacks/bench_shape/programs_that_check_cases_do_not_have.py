"""Does the work in the programs that a check case has, and almost nothing in those with larger ids.

row: 53
problem: core/layer_norm
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    if row < 256:
        x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0)
        centred = tl.where(mask, x - tl.sum(x, axis=0) / features, 0.0)
        normed = centred * tl.rsqrt(tl.sum(centred * centred, axis=0) / features + eps)
        weight = tl.load(weight_ptr + offsets, mask=mask)
        bias = tl.load(bias_ptr + offsets, mask=mask)
        tl.store(out_ptr + row * features + offsets, normed * weight + bias, mask=mask)
    else:
        tl.store(out_ptr + row * features + offsets, tl.load(bias_ptr + offsets, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        layer_norm_kernel[(rows,)](
            x, self.weight, self.bias, out, features, self.eps, BLOCK=triton.next_power_of_2(features)
        )
        return out
