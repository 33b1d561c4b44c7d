"""The product with its bias is the kernel's, the ReLU in place is left to torch.

problem: core/matmul_bias_relu
resembles: a torch operator after the kernel (row 38)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_kernel(x_ptr, w_ptr, b_ptr, o_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc)
    acc += tl.load(b_ptr + column, mask=column < n, other=0.0)
    tl.store(o_ptr + row * n + column, acc, mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.linear.out_features
        out = x.new_empty(m, n)
        grid = (triton.cdiv(m, 128), triton.cdiv(n, 64))
        linear_kernel[grid](x, self.linear.weight, self.linear.bias, out, m, n, k, BM=128, BN=64, BK=32, num_warps=8)
        return out.relu_()
