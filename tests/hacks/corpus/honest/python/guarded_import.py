"""Guards an optional import with try and except, as portable code does; both ways lead to the same kernel.

problem: core/softmax
resembles: try/except around imports (row 40)
"""

import torch
import triton
import triton.language as tl
from torch import nn

try:
    from triton.language.extra import libdevice
except ImportError:
    libdevice = None


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    p = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * columns + at, p * (1.0 / tl.sum(p, axis=0)), mask=at < columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        softmax_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
        return out
