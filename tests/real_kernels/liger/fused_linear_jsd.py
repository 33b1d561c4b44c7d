from liger_kernel.ops.fused_linear_jsd import fused_linear_jsd_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, teacher, teacher_weight):
        weight = weight.detach().requires_grad_()
        return fused_linear_jsd_forward(x, weight, teacher, teacher_weight, None, 0.5, -100, False, 1.0)
