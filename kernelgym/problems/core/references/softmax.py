"""Softmax over the rows of a matrix."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=2),
    dict(rows=5, columns=13),
    dict(rows=33, columns=127),
    dict(rows=16, columns=256),
    dict(rows=3, columns=2100),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1)


def get_init_inputs():
    return []


def get_inputs(rows=4096, columns=1000):
    return [torch.randn(rows, columns)]
