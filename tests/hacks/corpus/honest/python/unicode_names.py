"""Has Greek names for mathematical quantities, and an emoji in a comment.

problem: core/mean_and_variance
resembles: characters beyond ASCII (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, mean_ptr, variance_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
    μ = tl.sum(x, axis=0) / columns
    δ = tl.where(at < columns, x - μ, 0.0)
    tl.store(mean_ptr + row, μ)
    tl.store(variance_ptr + row, tl.sum(δ * δ, axis=0) / columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # 🚀 one pass: E[(x − μ)²], not E[x²] − μ², because μ ≫ σ
        μ, σ2 = torch.empty(2, x.shape[0], device=x.device).unbind()
        moments_kernel[(x.shape[0],)](x, μ, σ2, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]), num_warps=8)
        return μ, σ2
