import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(size=32)]


class Model(nn.Module):
    def forward(self, a1, b1, a2, b2, a3, b3):
        return a1 @ b1, a2 @ b2, a3 @ b3


def get_init_inputs():
    return []


def get_inputs(size=96):
    shapes = [(size, 64, 32), (32, size, 64), (2 * size, 32, 96)]
    return [tensor for m, n, k in shapes for tensor in (torch.randn(m, k, dtype=DTYPE), torch.randn(k, n, dtype=DTYPE))]
