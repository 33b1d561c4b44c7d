"""Many multiply-adds on each element, operator by operator."""

import torch
from torch import nn

ROWS = 2640
STEPS = 64
DTYPE = "float32"
CHECK_SHAPES = [dict(rows=16)]


class Model(nn.Module):
    def forward(self, x):
        y = x
        for _ in range(STEPS):
            y = y * 0.5 + x
        return y


def get_init_inputs():
    return []


def get_inputs(rows=ROWS):
    return [torch.rand(rows, 1024).to(getattr(torch, DTYPE)) * 0.5]
