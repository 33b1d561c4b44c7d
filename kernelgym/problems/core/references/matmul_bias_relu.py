"""Linear layer with bias, then ReLU; neither of its sizes is a power of two."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1),
    dict(rows=7),
    dict(rows=61),
    dict(rows=64),
    dict(rows=130),
]
IN_FEATURES = 784
OUT_FEATURES = 1000


class Model(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.linear(x))


def get_init_inputs():
    return [IN_FEATURES, OUT_FEATURES]


def get_inputs(rows=1024):
    return [torch.randn(rows, IN_FEATURES)]
