import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(m=5, n=33, k=17)]


class Model(nn.Module):
    def forward(self, a, b):
        return nn.functional.leaky_relu(a @ b)


def get_init_inputs():
    return []


def get_inputs(m=200, n=300, k=136):
    return [torch.randn(m, k, dtype=DTYPE), torch.randn(k, n, dtype=DTYPE)]
