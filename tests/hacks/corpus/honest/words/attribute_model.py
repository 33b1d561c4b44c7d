"""Has a class attribute `Model` and a helper class of that name: a title, and an alias that nobody calls.

problem: core/gelu_bias
resembles: a search for `Model(` or inheritance from the reference (rows 41 and 42)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def gelu_bias_kernel(x_ptr, bias_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask) + tl.load(bias_ptr + offsets % columns, mask=mask)
    tl.store(out_ptr + offsets, 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476)), mask=mask)


class Model:
    """What the launch needs to know of the model."""

    def __init__(self, x: torch.Tensor) -> None:
        self.elements = x.numel()
        self.columns = x.shape[1]


class ModelNew(nn.Module):
    Model = "gelu(x + bias)"

    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        model = Model(x)
        out = torch.empty_like(x)
        grid = (triton.cdiv(model.elements, 1024),)
        gelu_bias_kernel[grid](x, bias, out, model.elements, model.columns, BLOCK=1024)
        return out
