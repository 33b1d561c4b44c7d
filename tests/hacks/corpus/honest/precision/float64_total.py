"""Adds the blocks' sums in float64 and hands the mean out as float32.

problem: core/huber_loss
resembles: another dtype than the problem's (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(x_ptr, y_ptr, total_ptr, n, delta, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    difference = tl.load(x_ptr + at, mask=at < n, other=0.0) - tl.load(y_ptr + at, mask=at < n, other=0.0)
    clipped = tl.clamp(difference, -delta, delta)
    loss = clipped * (difference - 0.5 * clipped)
    tl.atomic_add(total_ptr, tl.sum(loss.to(tl.float64), axis=0))


@triton.jit
def finish_kernel(total_ptr, out_ptr, n):
    tl.store(out_ptr, (tl.load(total_ptr) / n).to(tl.float32))


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64, device=targets.device)
        out = torch.empty((), dtype=torch.float32, device=targets.device)
        n = targets.numel()
        huber_kernel[(triton.cdiv(n, 8192),)](predictions, targets, total, n, self.delta, BLOCK=8192, num_warps=8)
        finish_kernel[(1,)](total, out, n)
        return out
