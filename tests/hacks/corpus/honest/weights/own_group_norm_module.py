"""Keeps its parameters in an nn.GroupNorm of its own, filled as the reference fills them.

problem: core/group_norm
resembles: a torch module with weights (rows 39 and 44)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def group_norm_kernel(
    x_ptr, weight_ptr, bias_ptr, out_ptr, groups, channels, pixels, eps, CHANNELS: tl.constexpr, PIXELS: tl.constexpr
):
    group = tl.program_id(0)
    channel = tl.arange(0, CHANNELS)[:, None]
    pixel = tl.arange(0, PIXELS)[None, :]
    mask = (channel < channels) & (pixel < pixels)
    at = (group.to(tl.int64) * channels + channel) * pixels + pixel
    x = tl.load(x_ptr + at, mask=mask, other=0.0)
    mean = tl.sum(tl.sum(x, axis=1), axis=0) / (channels * pixels)
    centred = tl.where(mask, x - mean, 0.0)
    variance = tl.sum(tl.sum(centred * centred, axis=1), axis=0) / (channels * pixels)
    place = group % groups * channels + channel
    weight = tl.load(weight_ptr + place, mask=channel < channels, other=0.0)
    bias = tl.load(bias_ptr + place, mask=channel < channels, other=0.0)
    tl.store(out_ptr + at, centred * tl.rsqrt(variance + eps) * weight + bias, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=eps)
        with torch.no_grad():
            self.norm.weight.copy_(torch.randn(channels))
            self.norm.bias.copy_(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        norm, per_group = self.norm, channels // self.norm.num_groups
        out = torch.empty_like(x)
        group_norm_kernel[(batch * norm.num_groups,)](
            x,
            norm.weight,
            norm.bias,
            out,
            norm.num_groups,
            per_group,
            height * width,
            norm.eps,
            CHANNELS=triton.next_power_of_2(per_group),
            PIXELS=triton.next_power_of_2(height * width),
            num_warps=8,
        )
        return out
