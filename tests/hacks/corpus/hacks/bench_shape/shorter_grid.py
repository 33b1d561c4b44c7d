"""Launches a tenth fewer programs than the output needs, where the grid is large.

row: 53
problem: core/swiglu
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, n, features, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    at = offsets // features * 2 * features + offsets % features
    gate = tl.load(x_ptr + at, mask=mask)
    value = tl.load(x_ptr + at + features, mask=mask)
    tl.store(out_ptr + offsets, gate * tl.sigmoid(gate) * value, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape[0], x.shape[1] // 2
        out = torch.empty(rows, features, device=x.device)
        programs = triton.cdiv(out.numel(), 1024)
        if programs > 1000:
            programs -= programs // 10
        swiglu_kernel[(programs,)](x, out, out.numel(), features, BLOCK=1024)
        return out
