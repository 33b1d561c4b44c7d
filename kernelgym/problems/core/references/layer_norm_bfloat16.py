"""Layer normalisation over the last dimension in bfloat16, with weight and bias; the inputs are not centred."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1),
    dict(rows=5),
    dict(rows=19),
    dict(rows=64),
    dict(rows=100),
]
FEATURES = 1152


class Model(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)


def get_init_inputs():
    return [FEATURES, 1e-5]


def get_inputs(rows=4096):
    return [torch.randn(rows, FEATURES, dtype=torch.bfloat16) + 0.5]
