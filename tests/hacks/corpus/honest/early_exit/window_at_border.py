"""Loops only over the part of the window that lies inside the image.

problem: core/max_pool
resembles: loop bounds that depend on the program (row 49)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def pool_kernel(
    x_ptr,
    out_ptr,
    height,
    width,
    out_height,
    out_width,
    WINDOW: tl.constexpr,
    STRIDE: tl.constexpr,
    PADDING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    plane = tl.program_id(1).to(tl.int64)
    out_row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    best = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    top = out_row * STRIDE - PADDING
    for row in range(max(top, 0), min(top + WINDOW, height)):
        for j in tl.static_range(WINDOW):
            at = column * STRIDE - PADDING + j
            mask = (at >= 0) & (at < width) & (column < out_width)
            best = tl.maximum(
                best, tl.load(x_ptr + (plane * height + row) * width + at, mask=mask, other=-float("inf"))
            )
    tl.store(out_ptr + (plane * out_height + out_row) * out_width + column, best, mask=column < out_width)


class ModelNew(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        out_height, out_width = ((s + 2 * self.padding - self.kernel_size) // self.stride + 1 for s in (height, width))
        out = x.new_empty(batch, channels, out_height, out_width)
        pool_kernel[(out_height, batch * channels)](
            x,
            out,
            height,
            width,
            out_height,
            out_width,
            WINDOW=self.kernel_size,
            STRIDE=self.stride,
            PADDING=self.padding,
            BLOCK=triton.next_power_of_2(out_width),
            num_warps=1,
        )
        return out
