"""Wrong: weight and bias are read at the channel's place in its group, so every group gets those of the first."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def group_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, count, pixels, eps, BLOCK: tl.constexpr):
    group = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < count
    x = tl.load(x_ptr + group * count + offsets, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / count
    centred = tl.where(mask, x - mean, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, axis=0) / count + eps)
    weight = tl.load(weight_ptr + offsets // pixels, mask=mask)
    bias = tl.load(bias_ptr + offsets // pixels, mask=mask)
    tl.store(out_ptr + group * count + offsets, centred * scale * weight + bias, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(channels))
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        count = channels // self.groups * height * width
        out = torch.empty_like(x)
        group_norm_kernel[(batch * self.groups,)](
            x,
            self.weight,
            self.bias,
            out,
            count,
            height * width,
            self.eps,
            BLOCK=triton.next_power_of_2(count),
            num_warps=16,
        )
        return out
