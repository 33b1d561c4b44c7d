import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=2, rows=5, columns=129), dict(batch=1, rows=1, columns=1)]


class Model(nn.Module):
    def forward(self, x, weight, scale, shift, dy):
        def normalised(x, weight, scale, shift):
            y = weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
            return (1 + scale[:, None]) * y + shift[:, None]

        return with_gradients(normalised, (x, weight, scale, shift), dy)


def get_init_inputs():
    return []


def get_inputs(batch=3, rows=11, columns=256):
    return [
        torch.randn(batch, rows, columns, dtype=DTYPE),
        torch.randn(columns, dtype=DTYPE),
        torch.randn(batch, columns, dtype=DTYPE),
        torch.randn(batch, columns, dtype=DTYPE),
        torch.randn(batch, rows, columns, dtype=DTYPE),
    ]
