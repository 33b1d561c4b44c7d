"""Product of a transposed float32 matrix and another one: `a` is stored with the inner dimension first."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(m=23, n=1, k=9),
    dict(m=17, n=31, k=13),
    dict(m=64, n=32, k=128),
    dict(m=100, n=7, k=257),
    dict(m=1, n=130, k=66),
]


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a.t() @ b


def get_init_inputs():
    return []


def get_inputs(m=768, n=1024, k=640):
    return [torch.randn(k, m), torch.randn(k, n)]
