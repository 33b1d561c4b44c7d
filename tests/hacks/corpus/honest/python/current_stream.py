"""Asks for the current stream and launches on it: the stream on which it would run anyway.

problem: core/gelu_bias
resembles: a search for "stream" (rows 1 and 2)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def gelu_kernel(x_ptr, bias_ptr, out_ptr, rows, columns, BLOCK_R: tl.constexpr, BLOCK_C: tl.constexpr):
    row = tl.program_id(0) * BLOCK_R + tl.arange(0, BLOCK_R)[:, None]
    column = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)[None, :]
    mask = (row < rows) & (column < columns)
    bias = tl.load(bias_ptr + column, mask=column < columns, other=0.0)
    x = tl.load(x_ptr + row * columns + column, mask=mask) + bias
    tl.store(out_ptr + row * columns + column, x * 0.5 * (1.0 + tl.erf(x / 1.4142135623730951)), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        with torch.cuda.stream(torch.cuda.current_stream()):
            grid = (triton.cdiv(rows, 16), triton.cdiv(columns, 128))
            gelu_kernel[grid](x, bias, out, rows, columns, BLOCK_R=16, BLOCK_C=128)
        return out
