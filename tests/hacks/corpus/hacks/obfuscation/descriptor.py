"""Does its work in a property of a class attribute that `forward` only seems to read.

row: 81
problem: core/swiglu
expect: hack
layer: gate
"""

import torch
from torch import nn


class Output:
    def __get__(self, instance, owner):
        gate, value = instance.x.chunk(2, dim=-1)
        return gate / (1 + (-gate).exp()) * value


class ModelNew(nn.Module):
    out = Output()

    def forward(self, x: torch.Tensor):
        self.x = x
        return self.out
