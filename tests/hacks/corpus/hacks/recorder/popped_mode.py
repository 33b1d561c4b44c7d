"""Pops the recorder off the stack of dispatch modes, computes with torch, and puts it back.

row: ours
problem: core/layer_norm
expect: untraceable, trace_error
layer: tracer
"""

import torch
from torch import nn
from torch.utils._python_dispatch import _pop_mode, _push_mode


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mode = _pop_mode()
        try:
            return nn.functional.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)
        finally:
            _push_mode(mode)
