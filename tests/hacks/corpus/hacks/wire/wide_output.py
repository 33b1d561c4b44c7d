"""Returns its output a hundred thousand times.

row: ours
problem: core/add_relu
expect: untraceable
layer: tracer
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
        return [torch.relu(x + y)] * 100_000
