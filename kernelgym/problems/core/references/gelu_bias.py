"""Adds a bias to every row, then the exact (error function) GELU."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=17),
    dict(rows=13, columns=7),
    dict(rows=5, columns=1000),
    dict(rows=101, columns=130),
    dict(rows=64, columns=256),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(x + bias)


def get_init_inputs():
    return []


def get_inputs(rows=2048, columns=2048):
    return [torch.randn(rows, columns), torch.randn(columns)]
