"""Defines its helper functions inside `forward`, with a closure over the sizes.

problem: core/huber_loss
resembles: code that is made at run time (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def huber_kernel(x_ptr, y_ptr, part_ptr, n, delta, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    error = tl.abs(tl.load(x_ptr + at, mask=at < n, other=0.0) - tl.load(y_ptr + at, mask=at < n, other=0.0))
    quadratic = tl.minimum(error, delta)
    tl.store(part_ptr + tl.program_id(0), tl.sum(quadratic * (error - 0.5 * quadratic), axis=0))


@triton.jit
def mean_kernel(part_ptr, out_ptr, parts, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(part_ptr + at, mask=at < parts, other=0.0), axis=0) / n)


class ModelNew(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = predictions.numel()

        def grid(meta: dict) -> tuple[int]:
            return (triton.cdiv(n, meta["BLOCK"]),)

        def mean(parts: torch.Tensor) -> torch.Tensor:
            out = parts.new_empty(())
            mean_kernel[(1,)](parts, out, parts.numel(), n, BLOCK=triton.next_power_of_2(parts.numel()))
            return out

        parts = predictions.new_empty(grid({"BLOCK": 8192}))
        huber_kernel[grid](predictions, targets, parts, n, self.delta, BLOCK=8192, num_warps=8)
        return mean(parts)
