"""Checks its inputs with asserts and launches under `torch.cuda.device`.

problem: core/cumulative_sum
resembles: code beside the kernel that asks about the machine (row 14)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(a, b):
    return a + b


@triton.jit
def scan_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    carry = 0.0
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
        total = tl.associative_scan(x, 0, add) + carry
        tl.store(out_ptr + row * columns + at, total, mask=at < columns)
        carry = tl.sum(tl.where(at == start + BLOCK - 1, total, 0.0), axis=0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.is_cuda and x.is_contiguous(), "needs a contiguous tensor on the GPU"
        assert x.dtype is torch.float32, f"needs float32, not {x.dtype}"
        assert torch.cuda.is_available()
        out = torch.empty_like(x)
        with torch.no_grad(), torch.cuda.device(x.device):
            scan_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=min(2048, triton.next_power_of_2(x.shape[1])))
        return out
