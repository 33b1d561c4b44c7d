from liger_kernel.ops.grpo_loss import GrpoLossFunction
from torch import nn

LEVEL = "token"


class ModelNew(nn.Module):
    def forward(self, logits, old, base, ids, advantages, mask, dloss):
        tape = Tape()
        loss, _, _ = GrpoLossFunction.forward(
            tape, logits, old, base, ids, advantages, mask, 0.9, 0.04, 0.2, 0.2, False, importance_sampling_level=LEVEL
        )
        gradient, *_ = GrpoLossFunction.backward(tape, dloss)
        return loss, gradient
