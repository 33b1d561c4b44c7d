"""Sum of two matrices, then ReLU."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=17),
    dict(rows=7, columns=13),
    dict(rows=3, columns=1000),
    dict(rows=97, columns=331),
    dict(rows=64, columns=256),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + y)


def get_init_inputs():
    return []


def get_inputs(rows=2048, columns=2048):
    return [torch.randn(rows, columns), torch.randn(rows, columns)]
