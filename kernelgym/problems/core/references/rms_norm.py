"""Root-mean-square normalisation over the last dimension of a batch of sequences, with weight."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, sequence=1),
    dict(batch=3, sequence=5),
    dict(batch=1, sequence=97),
    dict(batch=2, sequence=31),
    dict(batch=4, sequence=32),
]
FEATURES = 1280


class Model(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + self.eps)
        return x * scale * self.weight


def get_init_inputs():
    return [FEATURES, 1e-6]


def get_inputs(batch=8, sequence=384):
    return [torch.randn(batch, sequence, FEATURES)]
