"""SwiGLU's pointwise part, operator by operator."""

import torch
from torch import nn

N = 67108864
CHECK_SHAPES = [dict(n=4096)]


class Model(nn.Module):
    def forward(self, gate, up):
        return gate * torch.sigmoid(gate) * up


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randn(n), torch.randn(n)]
