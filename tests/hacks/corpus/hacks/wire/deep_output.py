"""Returns its output inside of fifty thousand tuples.

row: ours
problem: core/add_relu
expect: untraceable, trace_error
layer: tracer
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.relu(x + y)
        for _ in range(50_000):
            out = (out,)
        return out
