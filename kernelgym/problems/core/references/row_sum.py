"""Sum of each row: few rows, many columns."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=5, columns=1),
    dict(rows=7, columns=129),
    dict(rows=2, columns=10007),
    dict(rows=16, columns=1024),
    dict(rows=37, columns=500),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sum(x, dim=1)


def get_init_inputs():
    return []


def get_inputs(rows=64, columns=65536):
    return [torch.randn(rows, columns)]
