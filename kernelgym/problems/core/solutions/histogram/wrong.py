"""Wrong: the conversion to integers rounds towards zero, so that the bins below zero move up by one."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def histogram_kernel(x_ptr, counts_ptr, n, bins, bins_per_unit, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    index = (tl.load(x_ptr + offsets, mask=mask, other=0.0) * bins_per_unit).to(tl.int32) + bins // 2
    index = tl.minimum(tl.maximum(index, 0), bins - 1)
    tl.atomic_add(counts_ptr + index, tl.full((BLOCK,), 1, dtype=tl.int64), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, bins: int, bins_per_unit: int):
        super().__init__()
        self.bins = bins
        self.bins_per_unit = bins_per_unit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.numel()
        counts = torch.zeros(self.bins, device=x.device, dtype=torch.int64)
        histogram_kernel[(triton.cdiv(n, 1024),)](x, counts, n, self.bins, self.bins_per_unit, BLOCK=1024)
        return counts
