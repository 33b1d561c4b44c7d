from liger_kernel.ops.kl_div import LigerKLDivLossFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, log_p, target, dloss):
        tape = Tape()
        loss = LigerKLDivLossFunction.forward(tape, log_p, target)
        gradient, *_ = LigerKLDivLossFunction.backward(tape, dloss)
        return loss, gradient
