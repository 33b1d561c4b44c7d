from liger_kernel.ops.mhc import LigerMHCPreFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, mix, dy):
        tape = Tape()
        y = LigerMHCPreFunction.forward(tape, x, mix)
        return (y, *LigerMHCPreFunction.backward(tape, dy))
