"""Wrong: the window is turned around, a true convolution instead of the correlation that layers compute."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def depthwise_kernel(
    x_ptr, weight_ptr, out_ptr, channels, height, width, padding, WINDOW: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0)
    plane = tl.program_id(1)
    channel = plane % channels
    columns = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for i in range(WINDOW):
        y = row + padding - i
        for j in range(WINDOW):
            x = columns + padding - j
            mask = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            value = tl.load(x_ptr + (plane * height + y) * width + x, mask=mask, other=0.0)
            acc += value * tl.load(weight_ptr + channel * WINDOW * WINDOW + i * WINDOW + j)
    tl.store(out_ptr + (plane * height + row) * width + columns, acc, mask=columns < width)


class ModelNew(nn.Module):
    def __init__(self, channels: int, kernel_size: int, padding: int):
        super().__init__()
        self.padding = padding
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=padding, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        out = torch.empty_like(x)
        depthwise_kernel[(height, batch * channels, triton.cdiv(width, 64))](
            x, self.conv.weight, out, channels, height, width, self.padding, WINDOW=self.conv.kernel_size[0], BLOCK=64
        )
        return out
