"""Wrong: the tile itself is not transposed, only its place, so that every square tile stands the wrong way."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def transpose_kernel(x_ptr, scale_ptr, y_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0) * BLOCK
    column = tl.program_id(1) * BLOCK
    down = tl.arange(0, BLOCK)[:, None]
    along = tl.arange(0, BLOCK)[None, :]
    x_mask = (row + down < rows) & (column + along < columns)
    x = tl.load(x_ptr + (row + down) * columns + column + along, mask=x_mask, other=0.0)
    offsets = (column + down) * rows + row + along
    mask = (column + down < columns) & (row + along < rows)
    scale = tl.load(scale_ptr + row + along, mask=row + along < rows)
    tl.store(out_ptr + offsets, x * scale + tl.load(y_ptr + offsets, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(y)
        grid = (triton.cdiv(rows, 32), triton.cdiv(columns, 32))
        transpose_kernel[grid](x, scale, y, out, rows, columns, BLOCK=32)
        return out
