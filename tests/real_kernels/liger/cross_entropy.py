from liger_kernel.ops.cross_entropy import cross_entropy_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, logits, labels):
        loss, *_ = cross_entropy_forward(
            logits.clone(), labels, None, -100, 0.0, 0.0, "mean", None, False, False, False
        )
        return loss
