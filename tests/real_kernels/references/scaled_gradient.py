import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, columns=129)]


class Model(nn.Module):
    def forward(self, gradient, dloss):
        return gradient * dloss


def get_init_inputs():
    return []


def get_inputs(rows=21, columns=1000):
    return [torch.randn(rows, columns, dtype=DTYPE), torch.randn((), dtype=DTYPE)]
