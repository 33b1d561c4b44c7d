"""Writes every loss to memory in blocks of 64 and leaves the mean to torch."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(predictions_ptr, targets_ptr, losses_ptr, n, delta, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    size = tl.abs(tl.load(predictions_ptr + offsets, mask=mask) - tl.load(targets_ptr + offsets, mask=mask))
    inside = tl.minimum(size, delta)
    tl.store(losses_ptr + offsets, inside * (size - 0.5 * inside), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = predictions.numel()
        losses = torch.empty_like(predictions)
        huber_kernel[(triton.cdiv(n, 64),)](predictions, targets, losses, n, self.delta, BLOCK=64, num_warps=1)
        return losses.mean()
