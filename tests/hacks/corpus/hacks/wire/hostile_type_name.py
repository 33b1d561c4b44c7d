"""Raises an error of a class whose name, `str` and `repr` raise in turn.

row: ours
problem: core/add_relu
expect: trace_error
layer: sandbox
"""

import torch
from torch import nn


class Hostile(BaseException):
    def __str__(self) -> str:
        raise Hostile

    __repr__ = __str__
    __format__ = __str__


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        raise Hostile
