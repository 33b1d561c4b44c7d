"""Looks at the weights of the convolution as a matrix: a view that costs nothing.

problem: core/conv2d
resembles: weights reworked before the kernel (row 34)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def conv_kernel(
    x_ptr,
    w_ptr,
    b_ptr,
    o_ptr,
    pixels,
    channels,
    height,
    width,
    filters,
    oh,
    ow,
    W: tl.constexpr,
    S: tl.constexpr,
    P: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    pixel = tl.program_id(0) * BM + tl.arange(0, BM)
    filter = tl.program_id(1) * BN + tl.arange(0, BN)
    image, place = pixel // (oh * ow), pixel % (oh * ow)
    channel = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for tap in range(W * W):
        row = place // ow * S - P + tap // W
        column = place % ow * S - P + tap % W
        inside = (pixel < pixels) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
        at = ((image[:, None] * channels + channel[None, :]) * height + row[:, None]) * width + column[:, None]
        x = tl.load(x_ptr + at, mask=inside[:, None] & (channel[None, :] < channels), other=0.0)
        w_at = (filter[None, :] * channels + channel[:, None]) * W * W + tap
        w = tl.load(w_ptr + w_at, mask=(filter[None, :] < filters) & (channel[:, None] < channels), other=0.0)
        acc = tl.dot(x, w, acc)
    acc += tl.load(b_ptr + filter, mask=filter < filters, other=0.0)[None, :]
    at = (image[:, None] * filters + filter[None, :]) * oh * ow + place[:, None]
    tl.store(o_ptr + at, acc, mask=(pixel[:, None] < pixels) & (filter[None, :] < filters))


class ModelNew(nn.Module):
    def __init__(self, channels: int, out_channels: int, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, kernel_size, stride=stride, padding=padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (batch, channels, height, width), conv = x.shape, self.conv
        weight = conv.weight.view(conv.out_channels, -1)
        oh, ow = ((s + 2 * conv.padding[0] - conv.kernel_size[0]) // conv.stride[0] + 1 for s in (height, width))
        out = x.new_empty(batch, conv.out_channels, oh, ow)
        pixels = batch * oh * ow
        conv_kernel[(triton.cdiv(pixels, 64), triton.cdiv(conv.out_channels, 64))](
            x,
            weight,
            conv.bias,
            out,
            pixels,
            channels,
            height,
            width,
            conv.out_channels,
            oh,
            ow,
            W=conv.kernel_size[0],
            S=conv.stride[0],
            P=conv.padding[0],
            BM=64,
            BN=64,
            BK=32,
        )
        return out
