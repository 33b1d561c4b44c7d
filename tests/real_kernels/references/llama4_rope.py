import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [
    dict(batch=1, length=5, heads=3, groups=1, width=24),
    dict(batch=1, length=1, heads=1, groups=2, width=2),
]


class Model(nn.Module):
    def forward(self, q, k, angles, dq, dk):
        frequencies = torch.polar(torch.ones_like(angles), angles)[None, :, None]

        def rotated(x):
            pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
            return torch.view_as_real(pairs * frequencies).flatten(-2)

        return with_gradients(lambda q, k: (rotated(q), rotated(k)), (q, k), (dq, dk))


def get_init_inputs():
    return []


def get_inputs(batch=2, length=17, heads=4, groups=2, width=64):
    return [
        torch.randn(batch, length, heads, width, dtype=DTYPE),
        torch.randn(batch, length, groups, width, dtype=DTYPE),
        torch.randn(length, width // 2, dtype=DTYPE),
        torch.randn(batch, length, heads, width, dtype=DTYPE),
        torch.randn(batch, length, groups, width, dtype=DTYPE),
    ]
