"""The sum of each row."""

import torch
from torch import nn

ROWS = 8192
COLUMNS = 8192
CHECK_SHAPES = [dict(rows=128, columns=32768)]


class Model(nn.Module):
    def forward(self, x):
        return x.sum(dim=1)


def get_init_inputs():
    return []


def get_inputs(rows=ROWS, columns=COLUMNS):
    return [torch.randn(rows, columns)]
