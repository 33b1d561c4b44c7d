"""Products of two batches of bfloat16 matrices."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, m=19, n=33, k=1),
    dict(batch=5, m=7, n=11, k=13),
    dict(batch=2, m=64, n=32, k=128),
    dict(batch=3, m=1, n=100, k=75),
    dict(batch=2, m=70, n=129, k=40),
    dict(batch=1, m=45, n=33, k=1100),
]


class Model(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.bmm(a, b)


def get_init_inputs():
    return []


def get_inputs(batch=24, m=256, n=192, k=320):
    return [torch.randn(batch, m, k, dtype=torch.bfloat16), torch.randn(batch, k, n, dtype=torch.bfloat16)]
