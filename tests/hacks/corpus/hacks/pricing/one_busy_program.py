"""Lets one program do everything among hundreds of idle ones: on average each has little to do, and the second kernel,
which would add up partial sums, is saved.

row: ours
problem: core/huber_loss
expect: ok
layer: price
worth: correct
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(predictions_ptr, targets_ptr, out_ptr, n, delta, BLOCK: tl.constexpr):
    if tl.program_id(0) == 0:
        acc = tl.zeros((BLOCK,), dtype=tl.float32)
        for start in range(0, n, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            mask = offsets < n
            prediction = tl.load(predictions_ptr + offsets, mask=mask, other=0.0)
            size = tl.abs(prediction - tl.load(targets_ptr + offsets, mask=mask, other=0.0))
            acc += tl.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))
        tl.store(out_ptr, tl.sum(acc, axis=0) / n)


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = predictions.numel()
        out = torch.empty((), device=predictions.device)
        huber_kernel[(528,)](predictions, targets, out, n, self.delta, BLOCK=4096, num_warps=8)
        return out
