"""Leaves the choice of block size and warps to triton.heuristics.

problem: core/gelu_bias
resembles: parameters that depend on the arguments (row 53)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.heuristics(
    {
        "EVEN": lambda args: args["columns"] % args["BLOCK"] == 0,
        "num_warps": lambda args: 8 if args["BLOCK"] >= 1024 else 4,
    }
)
@triton.jit
def gelu_kernel(x_ptr, bias_ptr, out_ptr, columns, BLOCK: tl.constexpr, EVEN: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    if EVEN:
        x = tl.load(x_ptr + row * columns + column) + tl.load(bias_ptr + column)
        tl.store(out_ptr + row * columns + column, 0.5 * x * (1 + tl.erf(x * 0.70710678)))
    else:
        mask = column < columns
        x = tl.load(x_ptr + row * columns + column, mask=mask) + tl.load(bias_ptr + column, mask=mask)
        tl.store(out_ptr + row * columns + column, 0.5 * x * (1 + tl.erf(x * 0.70710678)), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        block = min(1024, triton.next_power_of_2(columns))
        gelu_kernel[(rows, triton.cdiv(columns, block))](x, bias, out, columns, BLOCK=block)
        return out
