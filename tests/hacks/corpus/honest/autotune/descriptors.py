"""Reads and writes its tiles through tensor descriptors, which are masked by the hardware.

problem: core/matmul_float16
resembles: loads without any mask (row 60)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def descriptor_kernel(x_ptr, w_ptr, out_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, [m, k], [k, 1], [BM, BK])
    w = tl.make_tensor_descriptor(w_ptr, [n, k], [k, 1], [BN, BK])
    out = tl.make_tensor_descriptor(out_ptr, [m, n], [n, 1], [BM, BN])
    row, column = tl.program_id(0) * BM, tl.program_id(1) * BN
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        acc = tl.dot(x.load([row, start]), w.load([column, start]).T, acc)
    out.store([row, column], acc.to(tl.float16))


def allocate(size: int, alignment: int, stream: int | None) -> torch.Tensor:
    return torch.empty(size, device="cuda", dtype=torch.int8)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        triton.set_allocator(allocate)
        (m, k), n = x.shape, self.linear.out_features
        out = x.new_empty(m, n)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 128))
        descriptor_kernel[grid](x, self.linear.weight, out, m, n, k, BM=64, BN=128, BK=64, num_warps=4)
        return out
