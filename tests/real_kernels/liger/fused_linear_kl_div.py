from liger_kernel.ops.fused_linear_kl_div import fused_linear_kl_div_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, target):
        weight = weight.detach().requires_grad_()
        return fused_linear_kl_div_forward(x, weight, target, None, "batchmean", -100, False, 1.0, 1e-10)
