"""A part of a vector that does not begin with it."""

import torch
from torch import nn

N = 67108864
OFFSET = 0
CHECK_SHAPES = [dict(n=4096)]


class Model(nn.Module):
    def forward(self, x):
        return x[OFFSET : x.numel() - 32 + OFFSET].clone()


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randn(n + 32)]
