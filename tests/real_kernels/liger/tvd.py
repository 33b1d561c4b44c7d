from liger_kernel.ops.tvd import tv_distance_forward_triton
from torch import nn


class ModelNew(nn.Module):
    def forward(self, p, q, dloss):
        loss, gradient = tv_distance_forward_triton(p, q, None, "batchmean", -100, False)
        return loss, gradient * dloss
