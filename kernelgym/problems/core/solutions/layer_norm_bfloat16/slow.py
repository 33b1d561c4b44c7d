"""Converts the input to float32 in memory, normalises in three passes with one warp per row, and converts back."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = 0.0
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(x_ptr + row * features + offsets, mask=offsets < features, other=0.0))
    mean = total / features
    squares = 0.0
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * features + offsets, mask=offsets < features, other=mean)
        squares += tl.sum((x - mean) * (x - mean))
    scale = tl.rsqrt(squares / features + eps)
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < features
        x = tl.load(x_ptr + row * features + offsets, mask=mask)
        weight = tl.load(weight_ptr + offsets, mask=mask).to(tl.float32)
        bias = tl.load(bias_ptr + offsets, mask=mask).to(tl.float32)
        tl.store(out_ptr + row * features + offsets, (x - mean) * scale * weight + bias, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        x = x.float()
        out = torch.empty_like(x)
        layer_norm_kernel[(rows,)](x, self.weight, self.bias, out, features, self.eps, BLOCK=128, num_warps=1)
        return out.to(torch.bfloat16)
