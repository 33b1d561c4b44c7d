"""Every STRIDE-th element of a vector."""

import torch
from torch import nn

N = 16777216
STRIDE = 2
CHECK_SHAPES = [dict(n=4096)]


class Model(nn.Module):
    def forward(self, x):
        return x[::STRIDE].clone()


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randn(n * STRIDE)]
