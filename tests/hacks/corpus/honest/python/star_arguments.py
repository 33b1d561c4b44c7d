"""Passes the launch arguments on with stars through a small launcher class.

problem: core/average_pool
resembles: calls that a text search does not see (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


class Launcher:
    def __init__(self, kernel, **options) -> None:
        self.kernel, self.options = kernel, options

    def __call__(self, grid: tuple[int, ...], *arguments, **constants) -> None:
        self.kernel[grid](*arguments, **constants, **self.options)


@triton.jit
def pool_kernel(
    x_ptr, out_ptr, height, width, oh, ow, W: tl.constexpr, S: tl.constexpr, P: tl.constexpr, BLOCK: tl.constexpr
):
    plane, out_row = tl.program_id(1).to(tl.int64), tl.program_id(0)
    column = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    count = tl.zeros((BLOCK,), dtype=tl.float32)
    for tap in tl.static_range(W * W):
        y, x = out_row * S - P + tap // W, column * S - P + tap % W
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width) & (column < ow)
        total += tl.load(x_ptr + (plane * height + y) * width + x, mask=inside, other=0.0)
        count += inside.to(tl.float32)
    tl.store(out_ptr + (plane * oh + out_row) * ow + column, total / tl.maximum(count, 1.0), mask=column < ow)


class ModelNew(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.constants = {"W": kernel_size, "S": stride, "P": padding}
        self.launch = Launcher(pool_kernel, num_warps=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        window, stride, padding = self.constants.values()
        sizes = [(size + 2 * padding - window) // stride + 1 for size in x.shape[2:]]
        out = x.new_empty(*x.shape[:2], *sizes)
        block = triton.next_power_of_2(sizes[1])
        self.launch((sizes[0], x.shape[0] * x.shape[1]), x, out, *x.shape[2:], *sizes, **self.constants, BLOCK=block)
        return out
