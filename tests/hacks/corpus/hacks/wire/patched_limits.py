"""Raises the limits of the contracts inside the sandbox and sends a trace that is larger than they allow.

row: ours
problem: core/add_relu
expect: trace_error, timeout
layer: sandbox
"""

import sys

import torch
from torch import nn


sys.modules["sandboxes.tracing.recorder"].MAX_NODES = 10**9


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        total = x + y
        for _ in range(21_000):
            total = total.view(total.shape)
        return torch.relu(total)
