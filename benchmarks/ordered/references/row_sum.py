"""The sum of each row."""

import torch
from torch import nn

ROWS = 8192
COLUMNS = 8192
CHECK_COLUMNS = 32768
CHECK_SHAPES = [dict(rows=128, columns=CHECK_COLUMNS)]


class Model(nn.Module):
    def forward(self, x):
        return x.sum(dim=1)


def get_init_inputs():
    return []


def get_inputs(rows=ROWS, columns=COLUMNS):
    return [torch.randn(rows, columns)]
