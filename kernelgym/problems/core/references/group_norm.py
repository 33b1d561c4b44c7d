"""Group normalisation of images in NCHW order, with a weight and a bias per channel; the inputs are not centred."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, height=1, width=1),
    dict(batch=2, height=5, width=3),
    dict(batch=1, height=17, width=10),
    dict(batch=3, height=8, width=16),
    dict(batch=1, height=28, width=28),
]
GROUPS = 12
CHANNELS = 96


class Model(nn.Module):
    def __init__(self, groups: int, channels: int, eps: float):
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(channels))
        self.bias = nn.Parameter(torch.randn(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.group_norm(x, self.groups, self.weight, self.bias, self.eps)


def get_init_inputs():
    return [GROUPS, CHANNELS, 1e-5]


def get_inputs(batch=24, height=32, width=32):
    return [torch.randn(batch, CHANNELS, height, width) + 0.5]
