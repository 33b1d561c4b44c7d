from liger_kernel.ops.experimental.mm_int8int2 import matmul
from torch import nn


class ModelNew(nn.Module):
    def forward(self, a, packed):
        return matmul(a, packed)
