from liger_kernel.ops.fused_ce_tvd import LigerFusedCETVDFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, student, teacher, labels, dce, dtvd):
        tape = Tape()
        losses = LigerFusedCETVDFunction.forward(tape, student, teacher, labels)
        gradient, *_ = LigerFusedCETVDFunction.backward(tape, dce, dtvd)
        return (*losses, gradient)
