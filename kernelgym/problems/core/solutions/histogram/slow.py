"""Adds one by one: each element increases its bin in device memory atomically, 64 elements per program."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def histogram_kernel(x_ptr, counts_ptr, n, bins, bins_per_unit, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    scaled = tl.floor(tl.load(x_ptr + offsets, mask=mask, other=0.0) * bins_per_unit)
    middle = bins // 2
    index = tl.minimum(tl.maximum(scaled, -middle), bins - middle - 1).to(tl.int32) + middle
    tl.atomic_add(counts_ptr + index, tl.full((BLOCK,), 1, dtype=tl.int64), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins = bins
        self.bins_per_unit = bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.numel()
        counts = torch.zeros(self.bins, device=x.device, dtype=torch.int64)
        grid = (triton.cdiv(n, 64),)
        histogram_kernel[grid](x, counts, n, self.bins, self.bins_per_unit, BLOCK=64, num_warps=1)
        return counts
