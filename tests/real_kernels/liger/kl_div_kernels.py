import torch
import triton
from liger_kernel.ops.kl_div import _kldiv_kernel_backward, kldiv_forward_triton
from torch import nn


class ModelNew(nn.Module):
    """The wrapper of the backward asks in Python whether its argument is 1."""

    def forward(self, log_p, target, dloss):
        rows, columns = target.shape
        loss = kldiv_forward_triton(log_p, target, False, "batchmean", 1e-10)
        gradient = torch.empty_like(target)
        block = triton.next_power_of_2(columns)
        _kldiv_kernel_backward[(rows,)](
            target, target.stride(0), gradient, gradient.stride(0), columns, BLOCK_SIZE=block, log_target=False
        )
        return loss, gradient * dloss / rows
