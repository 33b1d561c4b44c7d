import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(size=1), dict(size=1025)]


class Model(nn.Module):
    def forward(self, x, y):
        return (x + y) + y


def get_init_inputs():
    return []


def get_inputs(size=10_003):
    return [torch.randn(size, dtype=DTYPE) for _ in range(2)]
