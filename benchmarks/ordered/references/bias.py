"""A matrix plus a row, or plus another matrix."""

import torch
from torch import nn

ROWS = 8192
COLUMNS = 8192
FULL = False
CHECK_SHAPES = [dict(rows=64, columns=256)]


class Model(nn.Module):
    def forward(self, x, y):
        return x + y


def get_init_inputs():
    return []


def get_inputs(rows=ROWS, columns=COLUMNS):
    return [torch.randn(rows, columns), torch.randn(rows, columns) if FULL else torch.randn(columns)]
