import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=1, heads=1, length=33, width=16)]


class Model(nn.Module):
    def forward(self, q, k, v, dy):
        positions = torch.arange(q.shape[2])
        distance = positions[:, None] - positions
        near = (distance.abs() <= 4) & (distance % 2 == 0)

        def attention(q, k, v):
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            return scores.masked_fill(~near, float("-inf")).softmax(-1) @ v

        return with_gradients(attention, (q, k, v), dy)


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=2, length=70, width=32):
    return [torch.randn(batch, heads, length, width, dtype=DTYPE) for _ in range(4)]
