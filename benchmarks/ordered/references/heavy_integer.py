"""Many integer divisions, or shifts, of each element by a number that the compiler does not know."""

import torch
from torch import nn

ROWS = 2640
STEPS = 32
SHIFT = False
CHECK_SHAPES = [dict(rows=16)]


class Model(nn.Module):
    def forward(self, x, d):
        y = x
        for _ in range(STEPS):
            y = (y >> d) + x if SHIFT else y // d + x
        return y


def get_init_inputs():
    return []


def get_inputs(rows=ROWS):
    return [torch.randint(0, 2**30, (rows, 1024), dtype=torch.int32), torch.full((1,), 7, dtype=torch.int32)]
