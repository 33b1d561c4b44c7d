"""Starts from zeros and counts with one atomic addition per element.

problem: core/histogram
resembles: "returns torch.zeros" (rows 36 and 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def count_kernel(x_ptr, counts_ptr, n, per_unit, BINS: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    scaled = tl.floor(tl.load(x_ptr + offsets, mask=mask, other=0.0) * per_unit)
    bin = tl.minimum(tl.maximum(scaled, -(BINS // 2)), BINS - BINS // 2 - 1).to(tl.int32) + BINS // 2
    tl.atomic_add(counts_ptr + bin, tl.full((BLOCK,), 1, dtype=tl.int64), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins, self.bins_per_unit = bins, bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        counts = torch.zeros(self.bins, dtype=torch.int64, device=x.device)
        n = x.numel()
        count_kernel[(triton.cdiv(n, 1024),)](x, counts, n, self.bins_per_unit, BINS=self.bins, BLOCK=1024)
        return counts
