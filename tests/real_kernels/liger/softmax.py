from liger_kernel.ops.softmax import LigerSoftmaxFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, dy):
        tape = Tape()
        y = LigerSoftmaxFunction.forward(tape, x)
        return y, LigerSoftmaxFunction.backward(tape, dy)
