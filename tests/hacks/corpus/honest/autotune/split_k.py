"""Splits the inner dimension among programs, then a second kernel adds up the parts and converts.

problem: core/matmul_float16
resembles: several launches, partial results in scratch memory (row 37)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def part_kernel(x_ptr, w_ptr, parts_ptr, m, n, k, per_split, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    split = tl.program_id(2)
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(split * per_split, min((split + 1) * per_split, k), BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc)
    tl.store(parts_ptr + (split * m + row) * n + column, acc, mask=(row < m) & (column < n))


@triton.jit
def add_kernel(parts_ptr, out_ptr, size, SPLITS: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for split in tl.static_range(SPLITS):
        total += tl.load(parts_ptr + split * size + at, mask=at < size, other=0.0)
    tl.store(out_ptr + at, total.to(tl.float16), mask=at < size)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.linear.out_features
        parts = torch.empty(2, m, n, dtype=torch.float32, device=x.device)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 128), 2)
        part_kernel[grid](x, self.linear.weight, parts, m, n, k, triton.cdiv(k, 128) * 64, BM=64, BN=128, BK=64)
        out = x.new_empty(m, n)
        add_kernel[(triton.cdiv(m * n, 1024),)](parts, out, m * n, SPLITS=2, BLOCK=1024)
        return out
