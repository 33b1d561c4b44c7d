from liger_kernel.ops.mhc import LigerMHCPostResFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, f, post, residual, dy):
        tape = Tape()
        y = LigerMHCPostResFunction.forward(tape, x, f, post, residual)
        return (y, *LigerMHCPostResFunction.backward(tape, dy))
