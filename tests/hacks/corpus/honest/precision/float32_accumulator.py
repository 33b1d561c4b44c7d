"""Multiplies float16 tiles and adds in float32; the answer has the dtype that the problem has.

problem: core/matmul_float16
resembles: "uses half precision" (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_kernel(x_ptr, w_ptr, out_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc += tl.dot(x, w, out_dtype=tl.float32)
    tl.store(out_ptr + row * n + column, acc.to(tl.float16), mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.linear.out_features
        out = torch.empty(m, n, dtype=torch.float16, device=x.device)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        linear_kernel[grid](x, self.linear.weight, out, m, n, k, BM=64, BN=64, BK=64, num_warps=4, num_stages=3)
        return out
