"""Logs its launch parameters and warns of what it does not support.

problem: core/rope
resembles: output at run time (rows 23 and 83)
"""

import logging
import warnings

import torch
import triton
import triton.language as tl
from torch import nn

logger = logging.getLogger(__name__)


@triton.jit
def rope_kernel(x_ptr, cos_ptr, sin_ptr, out_ptr, sequence, half, BS: tl.constexpr, BD: tl.constexpr):
    position = tl.program_id(0) * BS + tl.arange(0, BS)[:, None]
    feature = tl.arange(0, BD)[None, :]
    mask = (position < sequence) & (feature < half)
    cos = tl.load(cos_ptr + position * half + feature, mask=mask)
    sin = tl.load(sin_ptr + position * half + feature, mask=mask)
    at = (tl.program_id(1).to(tl.int64) * sequence + position) * 2 * half + feature
    first, second = tl.load(x_ptr + at, mask=mask), tl.load(x_ptr + at + half, mask=mask)
    tl.store(out_ptr + at, first * cos - second * sin, mask=mask)
    tl.store(out_ptr + at + half, second * cos + first * sin, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        batch, heads, sequence, features = x.shape
        if features > 512:
            warnings.warn("heads with more than 512 features spill registers", stacklevel=2)
        grid = (triton.cdiv(sequence, 16), batch * heads)
        logger.debug("grid %s for %s", grid, tuple(x.shape))
        out = torch.empty_like(x)
        block = triton.next_power_of_2(features // 2)
        rope_kernel[grid](x, cos, sin, out, sequence, features // 2, BS=16, BD=block)
        return out
