"""Makes a million calls, more than a trace may have.

row: ours
problem: core/add_relu
expect: timeout
layer: sandbox
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        total = x + y
        for _ in range(1_000_000):
            total = total.view(total.shape)
        return torch.relu(total)
