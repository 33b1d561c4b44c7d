"""Transpose of a matrix whose rows are scaled, added to another matrix."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=17),
    dict(rows=7, columns=13),
    dict(rows=300, columns=5),
    dict(rows=97, columns=131),
    dict(rows=64, columns=128),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x.t() * scale + y


def get_init_inputs():
    return []


def get_inputs(rows=1024, columns=1500):
    return [torch.randn(rows, columns), torch.randn(rows), torch.randn(columns, rows)]
