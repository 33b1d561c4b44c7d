from liger_kernel.ops.poly_norm import poly_norm_backward, poly_norm_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, bias, dy):
        y, x, rstd, block, warps = poly_norm_forward(x, weight, bias, 1e-6)
        dx, dw, db = poly_norm_backward(dy, x, weight, rstd, block, warps, False)
        return y, dx, dw, db.reshape(1)
