import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, columns=129), dict(rows=1, columns=1)]


class Model(nn.Module):
    def forward(self, x, residual, weight, dy, ds):
        def normalised(x, residual, weight):
            total = x + residual
            return weight * total * torch.rsqrt(total.square().mean(-1, keepdim=True) + 1e-6), total

        return with_gradients(normalised, (x, residual, weight), (dy, ds))


def get_init_inputs():
    return []


def get_inputs(rows=37, columns=512):
    tensors = [torch.randn(rows, columns, dtype=DTYPE) for _ in range(4)]
    return [*tensors[:2], torch.randn(columns, dtype=DTYPE), *tensors[2:]]
