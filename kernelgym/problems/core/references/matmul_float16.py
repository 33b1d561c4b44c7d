"""Linear layer without bias in float16."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1),
    dict(rows=9),
    dict(rows=30),
    dict(rows=64),
    dict(rows=129),
]
IN_FEATURES = 768
OUT_FEATURES = 1152


class Model(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


def get_init_inputs():
    return [IN_FEATURES, OUT_FEATURES]


def get_inputs(rows=1024):
    return [torch.randn(rows, IN_FEATURES, dtype=torch.float16)]
