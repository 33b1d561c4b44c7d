from liger_kernel.ops.jsd import jsd_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, log_q, log_p, dloss):
        loss, gradient = jsd_forward(log_q, log_p, None, 0.5, -100, False)
        return loss, dloss * gradient
