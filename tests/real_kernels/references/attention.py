import torch
from torch import nn

DTYPE = torch.float32
CAUSAL = False
CHECK_SHAPES = [dict(batch=1, heads=3, length=64, width=16), dict(batch=1, heads=1, length=128, width=64)]


class Model(nn.Module):
    def forward(self, q, k, v, dy):
        def attention(q, k, v):
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            if CAUSAL:
                scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), float("-inf"))
            return scores.softmax(-1) @ v

        return with_gradients(attention, (q, k, v), dy)


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=2, length=256, width=32):
    return [torch.randn(batch, heads, length, width, dtype=DTYPE) for _ in range(4)]
