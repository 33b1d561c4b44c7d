"""Two-dimensional convolution with bias, stride and padding; images and weights in NCHW order."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, height=1, width=1),
    dict(batch=2, height=7, width=5),
    dict(batch=1, height=33, width=10),
    dict(batch=3, height=16, width=16),
]
CHANNELS = 24
OUT_CHANNELS = 48


class Model(nn.Module):
    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, kernel_size, stride=stride, padding=padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def get_init_inputs():
    return [CHANNELS, OUT_CHANNELS, 3, 2, 1]


def get_inputs(batch=8, height=80, width=80):
    return [torch.randn(batch, CHANNELS, height, width)]
