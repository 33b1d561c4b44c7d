"""A product of matrices."""

import torch
from torch import nn

M = 4096
N = 4096
K = 4096
DTYPE = "float16"
CHECK_SHAPES = [dict(m=128, n=256, k=1024)]


class Model(nn.Module):
    def forward(self, a, b):
        return a @ b


def get_init_inputs():
    return []


def get_inputs(m=M, n=N, k=K):
    dtype = getattr(torch, DTYPE)
    return [torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)]
