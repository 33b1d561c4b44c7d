"""Counts per program on chip and skips the atomic addition for bins that it did not see.

problem: core/histogram
resembles: a mask that depends on data (rows 48 and 51)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def histogram_kernel(x_ptr, counts_ptr, n, per_unit, BINS: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr):
    low: tl.constexpr = BINS // 2
    bins = tl.arange(0, PADDED)
    counts = tl.zeros((PADDED,), dtype=tl.int32)
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        at = start + tl.arange(0, BLOCK)
        scaled = tl.floor(tl.load(x_ptr + at, mask=at < n, other=0.0) * per_unit)
        bin = tl.clamp(scaled, -low, BINS - low - 1).to(tl.int32) + low
        counts += tl.histogram(bin, PADDED, mask=at < n)
    tl.atomic_add(counts_ptr + bins, counts.to(tl.int64), mask=(bins < BINS) & (counts != 0))


class ModelNew(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins, self.bins_per_unit = bins, bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        counts = x.new_zeros(self.bins, dtype=torch.int64)
        grid = (min(256, triton.cdiv(x.numel(), 2048)),)
        histogram_kernel[grid](
            x,
            counts,
            x.numel(),
            self.bins_per_unit,
            BINS=self.bins,
            PADDED=triton.next_power_of_2(self.bins),
            BLOCK=2048,
        )
        return counts
