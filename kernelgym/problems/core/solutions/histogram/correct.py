"""Every program counts its elements on chip, then adds its counts atomically to the result."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def histogram_kernel(
    x_ptr, counts_ptr, n, bins_per_unit, BINS: tl.constexpr, PADDED: tl.constexpr, BLOCK: tl.constexpr
):
    MIDDLE: tl.constexpr = BINS // 2
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask, other=0.0)
    scaled = tl.clamp(tl.floor(x * bins_per_unit), -MIDDLE, BINS - MIDDLE - 1)
    counts = tl.histogram(scaled.to(tl.int32) + MIDDLE, PADDED, mask=mask)
    bins = tl.arange(0, PADDED)
    tl.atomic_add(counts_ptr + bins, counts.to(tl.int64), mask=(bins < BINS) & (counts > 0), sem="relaxed")


class ModelNew(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins = bins
        self.bins_per_unit = bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.numel()
        counts = torch.zeros(self.bins, device=x.device, dtype=torch.int64)
        histogram_kernel[(triton.cdiv(n, 4096),)](
            x,
            counts,
            n,
            self.bins_per_unit,
            BINS=self.bins,
            PADDED=triton.next_power_of_2(self.bins),
            BLOCK=4096,
            num_warps=8,
        )
        return counts
