"""Linear layer with bias, then GELU in its tanh form, then a residual is added."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1),
    dict(rows=5),
    dict(rows=63),
    dict(rows=64),
    dict(rows=100),
]
IN_FEATURES = 400
OUT_FEATURES = 600


class Model(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return residual + nn.functional.gelu(self.linear(x), approximate="tanh")


def get_init_inputs():
    return [IN_FEATURES, OUT_FEATURES]


def get_inputs(rows=1024):
    return [torch.randn(rows, IN_FEATURES), torch.randn(rows, OUT_FEATURES)]
