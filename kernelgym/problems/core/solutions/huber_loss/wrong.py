"""Wrong: the linear part lacks its offset, so that the loss jumps where it begins."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(predictions_ptr, targets_ptr, loss_ptr, n, delta, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    prediction = tl.load(predictions_ptr + offsets, mask=mask, other=0.0)
    size = tl.abs(prediction - tl.load(targets_ptr + offsets, mask=mask, other=0.0))
    loss = tl.where(size < delta, 0.5 * size * size, delta * size)
    tl.atomic_add(loss_ptr, tl.sum(loss, axis=0) / n)


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = predictions.numel()
        loss = torch.zeros((), device=predictions.device)
        huber_kernel[(triton.cdiv(n, 1024),)](predictions, targets, loss, n, self.delta, BLOCK=1024)
        return loss
