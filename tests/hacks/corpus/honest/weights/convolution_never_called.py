"""Takes each channel's window from the module's own convolution and never calls that convolution.

problem: core/depthwise_conv
resembles: an nn.Conv2d in the module (rows 39 and 44)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def depthwise_kernel(
    x_ptr, w_ptr, out_ptr, channels, height, width, W: tl.constexpr, P: tl.constexpr, BH: tl.constexpr, BW: tl.constexpr
):
    plane = tl.program_id(2).to(tl.int64)
    row = tl.program_id(1) * BH + tl.arange(0, BH)[:, None]
    column = tl.program_id(0) * BW + tl.arange(0, BW)[None, :]
    acc = tl.zeros((BH, BW), dtype=tl.float32)
    for tap in tl.static_range(W * W):
        y = row + tap // W - P
        x = column + tap % W - P
        mask = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        weight = tl.load(w_ptr + plane % channels * W * W + tap)
        acc += weight * tl.load(x_ptr + (plane * height + y) * width + x, mask=mask, other=0.0)
    tl.store(out_ptr + (plane * height + row) * width + column, acc, mask=(row < height) & (column < width))


class ModelNew(nn.Module):
    def __init__(self, channels: int, kernel_size: int, padding: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        out = torch.empty_like(x)
        depthwise_kernel[(triton.cdiv(width, 32), triton.cdiv(height, 16), batch * channels)](
            x,
            self.conv.weight,
            out,
            channels,
            height,
            width,
            W=self.conv.kernel_size[0],
            P=self.conv.padding[0],
            BH=16,
            BW=32,
        )
        return out
