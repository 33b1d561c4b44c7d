"""Approximates erf by a rational function whose error is below 2e-7 (Abramowitz and Stegun 7.1.26 has the form).

problem: core/gelu_bias
resembles: a formula that is not the reference's (rows 47 and 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def gelu_kernel(x_ptr, bias_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    x = tl.load(x_ptr + at, mask=mask) + tl.load(bias_ptr + at % columns, mask=mask)
    z = tl.abs(x) * 0.7071067811865476
    t = 1.0 / (1.0 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = 1.0 - series * tl.exp(-z * z)
    tl.store(out_ptr + at, 0.5 * x * (1.0 + tl.where(x < 0, -erf, erf)), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        gelu_kernel[(triton.cdiv(x.numel(), 1024),)](x, bias, out, x.numel(), x.shape[1], BLOCK=1024)
        return out
