from liger_kernel.ops.rms_norm import rms_norm_backward, rms_norm_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, weight, dy):
        y, x, rstd, block, warps, mode = rms_norm_forward(x, weight, 1e-6, 0.0, "llama", None)
        dx, dw = rms_norm_backward(dy, x, weight, rstd, 0.0, mode, block, warps, False, None)
        return y, dx, dw
