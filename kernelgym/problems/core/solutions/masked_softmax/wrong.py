"""Wrong: the mask is applied after the division, so what it drops still counts in the sum."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def masked_softmax_kernel(x_ptr, mask_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    inside = offsets < columns
    kept = tl.load(mask_ptr + row * columns + offsets, mask=inside, other=0) != 0
    x = tl.load(x_ptr + row * columns + offsets, mask=inside, other=-float("inf"))
    numerator = tl.exp(x - tl.max(x, axis=0))
    value = tl.where(kept, numerator / tl.sum(numerator, axis=0), 0.0)
    tl.store(out_ptr + row * columns + offsets, value, mask=inside)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        masked_softmax_kernel[(rows,)](x, mask, out, columns, BLOCK=triton.next_power_of_2(columns))
        return out
