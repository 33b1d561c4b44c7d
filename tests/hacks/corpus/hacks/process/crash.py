"""Crashes by a null pointer instead of being found wrong.

row: 72
problem: core/cumulative_sum
expect: trace_error
layer: sandbox
"""

import ctypes

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        ctypes.string_at(0)
