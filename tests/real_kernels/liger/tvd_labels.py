from liger_kernel.ops.tvd import tv_distance_forward_triton
from torch import nn


class ModelNew(nn.Module):
    def forward(self, p, q, labels, dloss):
        loss, gradient = tv_distance_forward_triton(p, q, labels, "batchmean", -100, True)
        return loss, gradient * dloss
