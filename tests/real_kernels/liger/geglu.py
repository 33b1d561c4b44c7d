from liger_kernel.ops.geglu import geglu_backward, geglu_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b, dc):
        _, _, c = geglu_forward(a, b)
        return (c, *geglu_backward(a.clone(), b.clone(), dc))  # it overwrites them
