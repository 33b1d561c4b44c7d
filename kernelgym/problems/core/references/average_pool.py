"""Two-dimensional average pooling with stride; at the border, only what is inside the image is averaged."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, channels=3, height=1, width=1),
    dict(batch=2, channels=3, height=7, width=13),
    dict(batch=1, channels=5, height=33, width=2),
    dict(batch=3, channels=1, height=32, width=64),
    dict(batch=1, channels=2, height=50, width=101),
]


class Model(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(x, self.kernel_size, self.stride, self.padding, count_include_pad=False)


def get_init_inputs():
    return [3, 2, 1]


def get_inputs(batch=8, channels=48, height=100, width=100):
    return [torch.randn(batch, channels, height, width)]
