"""Returns an object that is equal to everything, in every way it may be asked.

row: 62
problem: core/softmax
expect: untraceable
layer: tracer
"""

import torch
from torch import nn


class Equal:
    shape = dtype = device = property(lambda self: Equal())

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args, **kwargs: Equal()

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return Equal()
