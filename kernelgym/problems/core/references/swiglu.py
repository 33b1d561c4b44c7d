"""SwiGLU of a packed input: SiLU of the first half of each row, times its second half."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, features=1),
    dict(rows=7, features=13),
    dict(rows=3, features=1000),
    dict(rows=65, features=130),
    dict(rows=32, features=256),
]


class Model(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, value = x.chunk(2, dim=-1)
        return nn.functional.silu(gate) * value


def get_init_inputs():
    return []


def get_inputs(rows=2048, features=1376):
    return [torch.randn(rows, 2 * features)]
