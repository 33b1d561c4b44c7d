import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=1, length=5, width=16, hidden=32)]


class Model(nn.Module):
    def forward(self, x, gate, up, down, dy):
        def swiglu(x, gate, up, down):
            return (nn.functional.silu(x @ gate.T) * (x @ up.T)) @ down.T

        return with_gradients(swiglu, (x, gate, up, down), dy)


def get_init_inputs():
    return []


def get_inputs(batch=2, length=70, width=64, hidden=96):
    return [
        torch.randn(batch, length, width, dtype=DTYPE),
        torch.randn(hidden, width, dtype=DTYPE),
        torch.randn(hidden, width, dtype=DTYPE),
        torch.randn(width, hidden, dtype=DTYPE),
        torch.randn(batch, length, width, dtype=DTYPE),
    ]
