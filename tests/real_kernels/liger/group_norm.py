from liger_kernel.ops.group_norm import group_norm_backward, group_norm_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, bias, dy):
        channels = x.shape[1]
        y, x, mean, rstd, _ = group_norm_forward(x, channels, 3, weight, bias, 1e-5)
        dx, dw, db = group_norm_backward(dy, x, weight, bias, mean, rstd, channels, 3)
        return y, dx, dw, db
