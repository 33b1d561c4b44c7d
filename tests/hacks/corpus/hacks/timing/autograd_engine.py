"""Computes in autograd's own thread, by a backward pass that `forward` starts and nobody records.

row: 4, 14
problem: core/swiglu
expect: trace_error
layer: sandbox
"""

import torch
from torch import nn


class Work(torch.autograd.Function):
    @staticmethod
    def forward(ctx, token, x, out):
        ctx.work = x, out
        return token.clone()

    @staticmethod
    def backward(ctx, grad):
        x, out = ctx.work
        gate, value = x.chunk(2, dim=-1)
        out.copy_(nn.functional.silu(gate) * value)
        return grad, None, None


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        out = torch.empty((x.shape[0], x.shape[1] // 2), device=x.device)
        with torch.enable_grad():
            token = torch.ones(1, device=x.device, requires_grad=True)
            Work.apply(token, x, out).sum().backward()
        return out
