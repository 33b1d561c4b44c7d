from liger_kernel.ops.rope import rope_backward, rope_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, q, k, cos, sin, dq, dk):
        rotated_q, rotated_k, _, _ = rope_forward(q.clone(), k.clone(), cos, sin)  # it may overwrite them
        return (rotated_q, rotated_k, *rope_backward(dq.clone(), dk.clone(), cos, sin))
