"""Counts how many elements fall into each bin; the first and the last bin take everything beyond.

The number of bins per unit is a power of two: every program that multiplies by it finds the same bin.
"""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(elements=1),
    dict(elements=7),
    dict(elements=1000),
    dict(elements=4096),
    dict(elements=10007),
]
DISTRIBUTIONS = ["x1", "x3", "x0.01", "negative", "positive", "outliers", "uneven", "ties"]


class Model(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins = bins
        self.bins_per_unit = bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        middle = self.bins // 2
        index = torch.floor(x * self.bins_per_unit).clamp(-middle, self.bins - middle - 1).long() + middle
        counts = torch.zeros(self.bins, dtype=torch.int64, device=x.device)
        return counts.scatter_add_(0, index, torch.ones_like(index))


def get_init_inputs():
    return [50, 8]


def get_inputs(elements=3000000):
    return [torch.randn(elements)]
