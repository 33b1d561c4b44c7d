"""Lets `torch.compile` write the kernels.

row: 44
problem: core/gelu_bias
expect: trace_error, untraceable, hack
layer: gate
"""

import torch
from torch import nn


@torch.compile
def gelu_bias(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return nn.functional.gelu(x + bias)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return gelu_bias(x, bias)
