import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(size=1), dict(size=1025)]


class Model(nn.Module):
    def forward(self, x, keep):
        return torch.where(keep, x / 0.75, 0.0)


def get_init_inputs():
    return []


def get_inputs(size=10_003):
    return [torch.randn(size, dtype=DTYPE), torch.rand(size) > 0.25]
