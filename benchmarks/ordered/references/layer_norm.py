"""Layer normalisation without weights, operator by operator."""

import torch
from torch import nn

ROWS = 4096
COLUMNS = 16384
CHECK_SHAPES = [dict(rows=64, columns=256)]


class Model(nn.Module):
    def forward(self, x):
        mean = x.mean(dim=1, keepdim=True)
        variance = ((x - mean) * (x - mean)).mean(dim=1, keepdim=True)
        return (x - mean) * torch.rsqrt(variance + 1e-5)


def get_init_inputs():
    return []


def get_inputs(rows=ROWS, columns=COLUMNS):
    return [torch.randn(rows, columns)]
