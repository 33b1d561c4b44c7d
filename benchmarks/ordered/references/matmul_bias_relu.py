"""A product of matrices, a bias and ReLU, operator by operator."""

import torch
from torch import nn

M = 8192
N = 8192
K = 512
DTYPE = "float16"
CHECK_SHAPES = [dict(m=128, n=256, k=512)]


class Model(nn.Module):
    def forward(self, a, b, bias):
        return torch.relu(a @ b + bias)


def get_init_inputs():
    return []


def get_inputs(m=M, n=N, k=K):
    dtype = getattr(torch, DTYPE)
    return [torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype), torch.randn(n).to(dtype)]
