"""Holds a hundred thousand small tensors.

row: ours
problem: core/add_relu
expect: untraceable, trace_error, timeout
layer: sandbox
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.zeros = [torch.zeros(1) for _ in range(150_000)]

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + y + torch.cat(self.zeros).sum())
