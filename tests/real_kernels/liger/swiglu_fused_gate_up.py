from liger_kernel.ops.swiglu import LigerFusedGateUpSiLUMulFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, y, dc):
        tape = Tape()
        c = LigerFusedGateUpSiLUMulFunction.forward(tape, y)
        dy, _ = LigerFusedGateUpSiLUMulFunction.backward(tape, dc)
        return c, dy
