"""Depthwise two-dimensional convolution: every channel of the images has its own 3 x 3 window; no bias."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, height=1, width=1),
    dict(batch=2, height=9, width=5),
    dict(batch=1, height=35, width=12),
    dict(batch=1, height=32, width=64),
]
CHANNELS = 72


class Model(nn.Module):
    def __init__(self, channels: int, kernel_size: int, padding: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_init_inputs():
    return [CHANNELS, 3, 1]


def get_inputs(batch=4, height=60, width=60):
    return [torch.randn(batch, CHANNELS, height, width)]
