from liger_kernel.ops.swiglu import swiglu_backward, swiglu_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, b, dc):
        _, _, c = swiglu_forward(a, b, 2.0)
        return (c, *swiglu_backward(a.clone(), b.clone(), dc, 2.0))  # it overwrites them
