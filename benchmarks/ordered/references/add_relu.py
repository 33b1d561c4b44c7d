"""Two vectors, added, without what is negative."""

import torch
from torch import nn

N = 67108864
DTYPE = "float32"
CHECK_SHAPES = [dict(n=4096)]


class Model(nn.Module):
    def forward(self, x, y):
        return torch.relu(x + y)


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randn(n).to(getattr(torch, DTYPE)) for _ in range(2)]
