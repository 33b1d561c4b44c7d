from liger_kernel.ops.layer_norm import layer_norm_backward, layer_norm_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, bias, dy):
        y, x, mean, rstd, _, _ = layer_norm_forward(x, weight, bias, 1e-5)
        dx, dw, db = layer_norm_backward(dy, x, weight, bias, mean, rstd)
        return y, dx, dw, db
