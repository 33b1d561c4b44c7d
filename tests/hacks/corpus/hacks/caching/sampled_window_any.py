"""Asks by an assertion and a boolean tensor whether anything has changed in a window.

row: 27
problem: core/swiglu
expect: untraceable
layer: tracer
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, features, row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = column < features
    gate = tl.load(x_ptr + row * row_stride + column, mask=mask)
    value = tl.load(x_ptr + row * row_stride + features + column, mask=mask)
    tl.store(out_ptr + row * features + column, gate * tl.sigmoid(gate) * value, mask=mask)


def launch(x, out):
    rows, features = out.shape
    block = min(1024, triton.next_power_of_2(features))
    swiglu_kernel[(rows, triton.cdiv(features, block))](x, out, features, x.stride(0), BLOCK=block, num_warps=4)
    return out


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = None

    def forward(self, x: torch.Tensor):
        if self.last is not None and not (x[:4] != self.last[0]).any():
            return self.last[1]
        out = launch(x, torch.empty((x.shape[0], x.shape[1] // 2), device=x.device))
        if bool((out[:1] > 1e30).any()):
            return out
        self.last = x[:4].clone(), out
        return out
