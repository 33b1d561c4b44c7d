"""One group per program, as a tile of channels and pixels that is read once and kept in registers."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def group_norm_kernel(
    x_ptr,
    weight_ptr,
    bias_ptr,
    out_ptr,
    groups,
    group_channels,
    pixels,
    eps,
    CHANNELS: tl.constexpr,
    PIXELS: tl.constexpr,
):
    group = tl.program_id(0)
    channel = tl.arange(0, CHANNELS)[:, None]
    pixel = tl.arange(0, PIXELS)[None, :]
    mask = (channel < group_channels) & (pixel < pixels)
    count = group_channels * pixels
    offsets = group.to(tl.int64) * count + channel * pixels + pixel
    x = tl.load(x_ptr + offsets, mask=mask, other=0.0)
    mean = tl.sum(x) / count
    centred = tl.where(mask, x - mean, 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred) / count + eps)
    affine = group % groups * group_channels + channel
    weight = tl.load(weight_ptr + affine, mask=channel < group_channels, other=0.0)
    bias = tl.load(bias_ptr + affine, mask=channel < group_channels, other=0.0)
    tl.store(out_ptr + offsets, centred * (scale * weight) + bias, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(channels))
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        group_channels = channels // self.groups
        out = torch.empty_like(x)
        group_norm_kernel[(batch * self.groups,)](
            x,
            self.weight,
            self.bias,
            out,
            self.groups,
            group_channels,
            height * width,
            self.eps,
            CHANNELS=triton.next_power_of_2(group_channels),
            PIXELS=triton.next_power_of_2(height * width),
            num_warps=16,
        )
        return out
