from liger_kernel.ops.relu_squared import relu_squared_backward, relu_squared_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x, dy):
        return relu_squared_forward(x), relu_squared_backward(x, dy)
