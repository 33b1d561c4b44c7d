"""Rotary position embedding: the first half of each head's features is rotated with the second half.

The sequence starts at some position, as it does when a cached prefix comes before it; its cosines and sines are inputs.
"""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, heads=2, sequence=1, head_features=8),
    dict(batch=2, heads=3, sequence=5, head_features=16),
    dict(batch=1, heads=3, sequence=37, head_features=80),
    dict(batch=2, heads=4, sequence=64, head_features=64),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=12, sequence=512, head_features=96):
    positions = torch.randint(1, 2000, ()) + torch.arange(sequence)
    frequencies = 10000.0 ** -torch.linspace(0, 1, head_features // 2 + 1)[:-1]
    angles = positions[:, None] * frequencies
    return [torch.randn(batch, heads, sequence, head_features), angles.cos(), angles.sin()]
