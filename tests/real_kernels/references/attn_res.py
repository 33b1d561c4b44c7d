import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(number=3, batch=2, tokens=11, width=129), dict(number=1, batch=1, tokens=1, width=32)]


class Model(nn.Module):
    def forward(self, blocks, query, weight, dy):
        def mixed(blocks, query, weight):
            keys = weight * blocks * torch.rsqrt(blocks.square().mean(-1, keepdim=True) + 1e-6)
            return torch.einsum("nbt,nbtd->btd", (keys * query).sum(-1).softmax(0), blocks)

        return with_gradients(mixed, (blocks, query, weight), dy)


def get_init_inputs():
    return []


def get_inputs(number=5, batch=2, tokens=7, width=96):
    return [
        torch.randn(number, batch, tokens, width, dtype=DTYPE),
        torch.randn(width, dtype=DTYPE),
        torch.randn(width, dtype=DTYPE),
        torch.randn(batch, tokens, width, dtype=DTYPE),
    ]
