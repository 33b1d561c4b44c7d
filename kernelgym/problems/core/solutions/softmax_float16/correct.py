"""Two rows per program, read and written once in float16; everything between is float32."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, out_ptr, rows, columns, stride, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    mask = (row < rows) & (column < columns)
    x = tl.load(x_ptr + row * stride + column, mask=mask, other=-float("inf")).to(tl.float32)
    x = tl.where(row < rows, x, 0.0)
    numerator = tl.exp(x - tl.max(x, axis=1, keep_dims=True))
    value = numerator / tl.sum(numerator, axis=1, keep_dims=True)
    tl.store(out_ptr + row * columns + column, value.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty((rows, columns), device=x.device, dtype=x.dtype)
        block = triton.next_power_of_2(columns)
        softmax_kernel[(triton.cdiv(rows, 2),)](x, out, rows, columns, x.stride(0), ROWS=2, BLOCK=block, num_warps=8)
        return out
