"""Wraps the kernel in an autograd.Function with a backward pass that nobody calls here.

problem: core/swiglu
resembles: torch operators that never run, `apply` instead of a launch (rows 37 and 82)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, n, features, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    source = at // features * 2 * features + at % features
    gate = tl.load(x_ptr + source, mask=mask)
    value = tl.load(x_ptr + source + features, mask=mask)
    tl.store(out_ptr + at, gate * tl.sigmoid(gate) * value, mask=mask)


class SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape[0], x.shape[1] // 2
        out = x.new_empty(rows, features)
        swiglu_kernel[(triton.cdiv(out.numel(), 1024),)](x, out, out.numel(), features, BLOCK=1024)
        ctx.save_for_backward(x)
        return out

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        gate, value = x.chunk(2, dim=-1)
        sigmoid = torch.sigmoid(gate)
        to_gate = gradient * value * sigmoid * (1 + gate * (1 - sigmoid))
        return torch.cat([to_gate, gradient * gate * sigmoid], dim=-1)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return SwiGLU.apply(x)
