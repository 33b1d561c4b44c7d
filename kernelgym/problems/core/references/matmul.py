"""Product of two float32 matrices, neither of them transposed."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(m=1, n=37, k=1),
    dict(m=17, n=31, k=13),
    dict(m=64, n=128, k=256),
    dict(m=1, n=300, k=129),
    dict(m=131, n=70, k=200),
]


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


def get_init_inputs():
    return []


def get_inputs(m=1024, n=1024, k=1024):
    return [torch.randn(m, k), torch.randn(k, n)]
