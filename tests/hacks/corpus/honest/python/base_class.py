"""Inherits from a base class of its own that holds what all norms share.

problem: core/rms_norm
resembles: inheritance from something other than nn.Module (row 41)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_kernel(x_ptr, weight_ptr, out_ptr, rows, features, eps, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, BLOCK)[None, :]
    mask = (row < rows) & (column < features)
    x = tl.load(x_ptr + row * features + column, mask=mask, other=0.0)
    scale = tl.rsqrt(tl.sum(x * x, axis=1, keep_dims=True) / features + eps)
    weight = tl.load(weight_ptr + column, mask=column < features, other=0.0)
    tl.store(out_ptr + row * features + column, x * scale * weight, mask=mask)


class TritonNorm(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))

    def launch(self, x: torch.Tensor, out: torch.Tensor) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        self.launch(x.view(-1, x.shape[-1]), out)
        return out


class ModelNew(TritonNorm):
    def launch(self, x: torch.Tensor, out: torch.Tensor) -> None:
        rows, features = x.shape
        block = triton.next_power_of_2(features)
        rms_kernel[(triton.cdiv(rows, 2),)](
            x, self.weight, out, rows, features, self.eps, ROWS=2, BLOCK=block, num_warps=8
        )
