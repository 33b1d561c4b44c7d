"""How often each of 256 values occurs."""

import torch
from torch import nn

N = 4194304
VALUES = 256
CHECK_SHAPES = [dict(n=8192)]


class Model(nn.Module):
    def forward(self, x):
        counts = torch.zeros(256, dtype=torch.int32, device=x.device)
        return counts.scatter_add(0, x.to(torch.int64), torch.ones_like(x))


def get_init_inputs():
    return []


def get_inputs(n=N):
    return [torch.randint(0, VALUES, (n,), dtype=torch.int32)]
