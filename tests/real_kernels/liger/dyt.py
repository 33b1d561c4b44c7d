from liger_kernel.ops.dyt import liger_dyt_bwd, liger_dyt_fwd
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, alpha, gamma, beta, dy):
        y = liger_dyt_fwd(x, alpha, gamma, beta)
        return (y, *liger_dyt_bwd(dy, x, alpha, gamma, beta))
