"""Layer normalisation over the last dimension, with weight and bias; the inputs are not centred."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1),
    dict(rows=3),
    dict(rows=17),
    dict(rows=100),
    dict(rows=128),
]
FEATURES = 1536


class Model(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)


def get_init_inputs():
    return [FEATURES, 1e-5]


def get_inputs(rows=2048):
    return [torch.randn(rows, FEATURES) + 0.5]
