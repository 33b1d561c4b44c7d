from liger_kernel.ops.grpo_loss import fused_selective_log_softmax
from torch import nn


class ModelNew(nn.Module):
    def forward(self, logits, ids):
        return fused_selective_log_softmax(logits, ids)
