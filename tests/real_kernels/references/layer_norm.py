import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, columns=129), dict(rows=1, columns=2)]


class Model(nn.Module):
    def forward(self, x, weight, bias, dy):
        def normalised(x, weight, bias):
            return nn.functional.layer_norm(x, (x.shape[-1],), weight, bias, 1e-5)

        return with_gradients(normalised, (x, weight, bias), dy)


def get_init_inputs():
    return []


def get_inputs(rows=37, columns=512):
    return [
        torch.randn(rows, columns, dtype=DTYPE),
        torch.randn(columns, dtype=DTYPE),
        torch.randn(columns, dtype=DTYPE),
        torch.randn(rows, columns, dtype=DTYPE),
    ]
