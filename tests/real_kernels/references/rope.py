import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [
    dict(batch=1, heads=3, groups=1, length=5, width=24),
    dict(batch=2, heads=1, groups=1, length=1, width=2),
]


class Model(nn.Module):
    def forward(self, q, k, cos, sin, dq, dk):
        def rotated(x):
            first, second = x.chunk(2, -1)
            return x * cos[:, None] + torch.cat((-second, first), -1) * sin[:, None]

        return with_gradients(lambda q, k: (rotated(q), rotated(k)), (q, k), (dq, dk))


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=4, groups=2, length=33, width=64):
    angles = torch.randn(1, length, width // 2, dtype=DTYPE).repeat(1, 1, 2)
    return [
        torch.randn(batch, heads, length, width, dtype=DTYPE),
        torch.randn(batch, groups, length, width, dtype=DTYPE),
        angles.cos(),
        angles.sin(),
        torch.randn(batch, heads, length, width, dtype=DTYPE),
        torch.randn(batch, groups, length, width, dtype=DTYPE),
    ]
