from liger_kernel.ops.jsd import jsd_forward
from torch import nn


class ModelNew(nn.Module):
    def forward(self, log_q, log_p, labels, dloss):
        loss, gradient = jsd_forward(log_q, log_p, labels, 0.1, -100, True)
        return loss, dloss * gradient
