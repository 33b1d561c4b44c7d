"""GELU by tanh, operator by operator."""

import torch
from torch import nn

N = 33554432
CHECK_SHAPES = [dict(n=4096)]


class Model(nn.Module):
    def forward(self, x):
        inner = 0.7978845608 * (x + 0.044715 * x * x * x)
        return 0.5 * x * (1 + torch.tanh(inner))


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randn(n)]
