from liger_kernel.ops.fused_linear_cross_entropy import fused_linear_cross_entropy_backward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, gradient, dloss):
        dx, *_ = fused_linear_cross_entropy_backward(dloss, gradient.clone(), None, None)
        return dx
