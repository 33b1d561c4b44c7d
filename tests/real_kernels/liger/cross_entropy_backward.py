from liger_kernel.ops.cross_entropy import cross_entropy_backward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, gradient, dloss):
        return cross_entropy_backward(gradient.clone(), dloss)
