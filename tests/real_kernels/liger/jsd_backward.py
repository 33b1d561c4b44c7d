from liger_kernel.ops.jsd import jsd_backward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, gradient, dloss):
        return jsd_backward(gradient, dloss)
