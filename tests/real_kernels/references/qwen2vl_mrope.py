import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=1, heads=3, groups=1, length=5), dict(batch=1, heads=1, groups=1, length=1)]


class Model(nn.Module):
    def forward(self, q, k, cos, sin, dq, dk):
        sections = (4, 6, 6, 4, 6, 6)

        def chosen(table):
            return torch.cat([part[i % 3] for i, part in enumerate(table.split(sections, -1))], -1)[:, None]

        def rotated(x):
            first, second = x.chunk(2, -1)
            return x * chosen(cos) + torch.cat((-second, first), -1) * chosen(sin)

        return with_gradients(lambda q, k: (rotated(q), rotated(k)), (q, k), (dq, dk))


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=4, groups=2, length=17):
    angles = torch.randn(3, batch, length, 16, dtype=DTYPE).repeat(1, 1, 1, 2)
    return [
        torch.randn(batch, heads, length, 32, dtype=DTYPE),
        torch.randn(batch, groups, length, 32, dtype=DTYPE),
        angles.cos(),
        angles.sin(),
        torch.randn(batch, heads, length, 32, dtype=DTYPE),
        torch.randn(batch, groups, length, 32, dtype=DTYPE),
    ]
