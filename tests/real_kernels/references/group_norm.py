import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=1, channels=3, size=33), dict(batch=2, channels=12, size=7)]


class Model(nn.Module):
    def forward(self, x, weight, bias, dy):
        def normalised(x, weight, bias):
            return nn.functional.group_norm(x, 3, weight, bias, 1e-5)

        return with_gradients(normalised, (x, weight, bias), dy)


def get_init_inputs():
    return []


def get_inputs(batch=2, channels=6, size=100):
    return [
        torch.randn(batch, channels, size, dtype=DTYPE),
        torch.randn(channels, dtype=DTYPE),
        torch.randn(channels, dtype=DTYPE),
        torch.randn(batch, channels, size, dtype=DTYPE),
    ]
