"""Holds more bytes of constants than the sandbox may send out.

row: ours
problem: core/add_relu
expect: trace_error, timeout
layer: sandbox
"""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.zeros(2**28)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + y + self.table[0])
