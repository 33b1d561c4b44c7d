from liger_kernel.ops.vocab_parallel_cross_entropy import LigerVocabParallelCEFunction
from torch import nn


class ModelNew(nn.Module):
    def forward(self, logits, labels, dloss):
        tape = Tape()
        loss = LigerVocabParallelCEFunction.forward(tape, logits, labels, None, -100, 0.0, "standard", "global")
        gradient, *_ = LigerVocabParallelCEFunction.backward(tape, dloss)
        return loss, gradient
