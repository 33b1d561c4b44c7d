"""Switches torch's dispatch modes off and computes the output where nobody takes notes.

row: ours
problem: core/rms_norm
expect: untraceable, trace_error
layer: tracer
"""

import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with _disable_current_modes():
            return x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + self.eps) * self.weight
