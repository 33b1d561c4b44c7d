"""Wrong: the variance is the mean of the squares, which is more than that where the inputs are not centred."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / features
    variance = tl.sum(x * x, axis=0) / features
    weight = tl.load(weight_ptr + offsets, mask=mask).to(tl.float32)
    bias = tl.load(bias_ptr + offsets, mask=mask).to(tl.float32)
    value = (x - mean) * tl.rsqrt(variance + eps) * weight + bias
    tl.store(out_ptr + row * features + offsets, value.to(tl.bfloat16), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        block = triton.next_power_of_2(features)
        layer_norm_kernel[(rows,)](x, self.weight, self.bias, out, features, self.eps, BLOCK=block, num_warps=4)
        return out
