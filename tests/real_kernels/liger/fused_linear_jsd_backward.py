from liger_kernel.ops.fused_linear_jsd import fused_linear_jsd_backward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, gradient, dloss):
        dx, *_ = fused_linear_jsd_backward(dloss, gradient.clone(), None)
        return dx
