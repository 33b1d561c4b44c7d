"""Switches the recording modes off around torch's operators, so that only a cheap kernel is seen.

row: 1, 70
problem: core/softmax
expect: incorrect
layer: judge
"""

from torch.utils._python_dispatch import _disable_current_modes

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def touch_kernel(out_ptr, x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 1.0, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = x.clone()
        with _disable_current_modes():
            out.copy_(torch.softmax(x, dim=-1))
        result = torch.empty_like(out)
        touch_kernel[(triton.cdiv(x.numel(), 1024),)](result, out, x.numel(), BLOCK=1024)
        return result
