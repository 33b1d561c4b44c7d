from liger_kernel.ops.sparsemax import LigerSparsemaxFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, dy):
        tape = Tape()
        y = LigerSparsemaxFunction.forward(tape, x, -1)
        dx, _ = LigerSparsemaxFunction.backward(tape, dy)
        return y, dx
