"""Softmax over the rows of a float16 matrix of large logits."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=17),
    dict(rows=7, columns=13),
    dict(rows=3, columns=3001),
    dict(rows=97, columns=331),
    dict(rows=32, columns=1024),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1)


def get_init_inputs():
    return []


def get_inputs(rows=2048, columns=2000):
    return [(4 * torch.randn(rows, columns)).half()]
