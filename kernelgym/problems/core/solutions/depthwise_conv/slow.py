"""Nine launches: each adds one tap of the window to the whole output in memory."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_tap_kernel(x_ptr, weight_ptr, out_ptr, n, channels, height, width, down, right, tap, taps, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = offsets < n
    row = offsets // width % height + down
    column = offsets % width + right
    channel = offsets // (width * height) % channels
    mask = inside & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    x = tl.load(x_ptr + offsets + down * width + right, mask=mask, other=0.0)
    weight = tl.load(weight_ptr + channel * taps + tap, mask=inside)
    out = tl.load(out_ptr + offsets, mask=inside)
    tl.store(out_ptr + offsets, out + weight * x, mask=inside)


class ModelNew(nn.Module):
    def __init__(self, channels: int, kernel_size: int, padding: int):
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, channels, height, width = x.shape
        window = self.conv.kernel_size[0]
        out = torch.zeros_like(x)
        for tap in range(window * window):
            add_tap_kernel[(triton.cdiv(x.numel(), 256),)](
                x,
                self.conv.weight,
                out,
                x.numel(),
                channels,
                height,
                width,
                tap // window - self.padding,
                tap % window - self.padding,
                tap,
                window * window,
                BLOCK=256,
            )
        return out
