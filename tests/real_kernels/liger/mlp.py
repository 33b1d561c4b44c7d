from liger_kernel.ops.mlp import LigerMLPFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, gate, up, down, dy):
        tape = Tape()
        y = LigerMLPFunction.forward(tape, x, gate, up, down)
        gradients = LigerMLPFunction.backward(tape, dy)
        return (y, *gradients[:4])
