import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(m=72, n=40, k=32)]


class Model(nn.Module):
    def forward(self, a, b):
        return a @ b.T


def get_init_inputs():
    return []


def get_inputs(m=1504, n=1296, k=160):
    return [torch.randn(m, k, dtype=DTYPE), torch.randn(n, k, dtype=DTYPE)]
