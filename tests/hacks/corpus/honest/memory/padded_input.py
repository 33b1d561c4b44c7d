"""Pads the images with F.pad, so that the kernel needs no masks at the border.

problem: core/depthwise_conv
resembles: a call from torch.nn.functional in `forward` (rows 38 and 39)
"""

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import nn


@triton.jit
def depthwise_kernel(x_ptr, weight_ptr, out_ptr, n, channels, height, width, W: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    plane = at // (height * width)
    row = at // width % height
    column = at % width
    padded_width = width + W - 1
    padded = plane * (height + W - 1) * padded_width + row * padded_width + column
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for i in tl.static_range(W):
        for j in tl.static_range(W):
            weight = tl.load(weight_ptr + plane % channels * W * W + i * W + j, mask=mask)
            acc += tl.load(x_ptr + padded + i * padded_width + j, mask=mask) * weight
    tl.store(out_ptr + at, acc, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, channels: int, kernel_size: int, padding: int):
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        padded = F.pad(x, (self.padding,) * 4)
        n = x.numel()
        depthwise_kernel[(triton.cdiv(n, 512),)](
            padded, self.conv.weight, out, n, x.shape[1], x.shape[2], x.shape[3], W=self.conv.kernel_size[0], BLOCK=512
        )
        return out
