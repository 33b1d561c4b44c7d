"""Sets a fake tensor's `constant`, which torch believes when a number is read, and decides by it.

row: ours
problem: core/argmax
expect: untraceable
layer: tracer
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = x.max()
        largest.constant = torch.tensor(4.0)
        if largest.item() > 3.0:
            return torch.zeros(x.shape[0], dtype=torch.int64, device=x.device)
        return torch.argmax(x, dim=1)
