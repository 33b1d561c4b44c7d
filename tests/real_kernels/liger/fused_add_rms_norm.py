from liger_kernel.ops.fused_add_rms_norm import LigerFusedAddRMSNormFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, residual, weight, dy, ds):
        tape = Tape()
        y, total = LigerFusedAddRMSNormFunction.forward(tape, x, residual, weight, 1e-6)
        dx, dr, dw, *_ = LigerFusedAddRMSNormFunction.backward(tape, dy, ds)
        return y, total, dx, dr, dw
