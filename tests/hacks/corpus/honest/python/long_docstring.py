"""Explains itself at length, with code of the reference quoted in the docstring.

problem: core/max_pool
resembles: the reference's text inside the submission (rows 39 and 42)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def pool_kernel(
    x_ptr, out_ptr, n, height, width, oh, ow, W: tl.constexpr, S: tl.constexpr, P: tl.constexpr, BLOCK: tl.constexpr
):
    """Takes the largest element of each window.

    The reference says

        class Model(nn.Module):
            def forward(self, x):
                return nn.functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)

    and this kernel does not call it: `torch.nn.functional.max_pool2d` also computes indices that are not needed.
    Elements beyond the border count as minus infinity, "-inf", as they do there. '''Quotes''' and \\ are harmless.
    """
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    plane, top, left = at // (oh * ow), at // ow % oh * S - P, at % ow * S - P
    best = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    for i in tl.static_range(W):
        for j in tl.static_range(W):
            row, column = top + i, left + j
            mask = (at < n) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            best = tl.maximum(
                best, tl.load(x_ptr + (plane * height + row) * width + column, mask=mask, other=-float("inf"))
            )
    tl.store(out_ptr + at, best, mask=at < n)


class ModelNew(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.window = kernel_size, stride, padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        window, stride, padding = self.window
        oh, ow = ((size + 2 * padding - window) // stride + 1 for size in x.shape[-2:])
        out = x.new_empty(*x.shape[:2], oh, ow)
        pool_kernel[(triton.cdiv(out.numel(), 256),)](
            x, out, out.numel(), *x.shape[-2:], oh, ow, W=window, S=stride, P=padding, BLOCK=256
        )
        return out
