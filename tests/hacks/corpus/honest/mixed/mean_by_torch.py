"""Losses of the elements are summed by block in a kernel; the few partial sums are added up by torch.

problem: core/huber_loss
resembles: `torch.sum` in `forward` (rows 38 and 39)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(x_ptr, y_ptr, partial_ptr, n, delta, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    distance = tl.abs(tl.load(x_ptr + at, mask=mask, other=0.0) - tl.load(y_ptr + at, mask=mask, other=0.0))
    loss = tl.where(distance < delta, 0.5 * distance * distance, delta * (distance - 0.5 * delta))
    tl.store(partial_ptr + tl.program_id(0), tl.sum(loss, axis=0))


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = predictions.numel()
        partial = predictions.new_empty(triton.cdiv(n, 4096))
        huber_kernel[(partial.numel(),)](predictions, targets, partial, n, self.delta, BLOCK=4096, num_warps=8)
        return partial.sum() / n
