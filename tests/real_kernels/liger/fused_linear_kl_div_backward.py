from liger_kernel.ops.fused_linear_kl_div import fused_linear_kl_div_backward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, gradient, dloss):
        dx, *_ = fused_linear_kl_div_backward(dloss, gradient.clone(), None)
        return dx
