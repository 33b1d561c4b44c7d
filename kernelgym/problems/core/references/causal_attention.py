"""Causal attention in float16; queries, keys and values are transposed views, as projections leave them.

Written out rather than as one fused operator, so that it runs the same on every device and in every dtype.
"""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, heads=2, sequence=1, head_features=32),
    dict(batch=1, heads=3, sequence=17, head_features=40),
    dict(batch=2, heads=2, sequence=64, head_features=64),
    dict(batch=1, heads=2, sequence=131, head_features=64),
    dict(batch=1, heads=1, sequence=200, head_features=80),
]


class Model(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        sequence, head_features = q.shape[-2:]
        scores = (q * head_features**-0.5) @ k.transpose(-2, -1)
        future = torch.ones(sequence, sequence, dtype=torch.bool, device=q.device).triu(1)
        return torch.softmax(scores.masked_fill(future, -float("inf")), dim=-1) @ v


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=8, sequence=512, head_features=64):
    shape = (batch, sequence, heads, head_features)
    return [torch.randn(shape, dtype=torch.float16).transpose(1, 2) for _ in range(3)]
