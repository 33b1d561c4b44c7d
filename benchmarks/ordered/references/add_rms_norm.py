"""A residual added, then normalised by its root mean square, operator by operator."""

import torch
from torch import nn

ROWS = 8192
COLUMNS = 4096
CHECK_SHAPES = [dict(rows=64, columns=256)]


class Model(nn.Module):
    def forward(self, x, residual, weight):
        total = x + residual
        scale = torch.rsqrt((total * total).mean(dim=1, keepdim=True) + 1e-6)
        return total, total * scale * weight


def get_init_inputs():
    return []


def get_inputs(rows=ROWS, columns=COLUMNS):
    return [torch.randn(rows, columns), torch.randn(rows, columns), torch.rand(columns)]
