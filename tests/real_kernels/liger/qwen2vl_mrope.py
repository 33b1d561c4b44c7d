from liger_kernel.ops.qwen2vl_mrope import qwen2vl_mrope_backward, qwen2vl_mrope_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, q, k, cos, sin, dq, dk):
        sections = (4, 6, 6)
        rotated_q, rotated_k, _, _ = qwen2vl_mrope_forward(q.clone(), k.clone(), cos, sin, sections)
        gradients = qwen2vl_mrope_backward(dq.clone(), dk.clone(), cos, sin, sections)
        return (rotated_q, rotated_k, *gradients)  # both may overwrite what they rotate
