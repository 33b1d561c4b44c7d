"""Keeps constants in a class and the kernel's combination in a function of its own; has a main guard with a demonstration.

problem: core/segment_cumulative_sum
resembles: code at module level, `if __name__` (rows 14 and 85)
"""

import torch
import triton
import triton.language as tl
from torch import nn


class Settings:
    BLOCK = 1024
    WARPS = 4


@triton.jit
def restart(flag_a, sum_a, flag_b, sum_b):
    return flag_a | flag_b, tl.where(flag_b != 0, sum_b, sum_a + sum_b)


@triton.jit
def segment_kernel(x_ptr, starts_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    carry = 0.0
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        mask = at < columns
        x = tl.load(x_ptr + row * columns + at, mask=mask, other=0.0)
        flag = tl.load(starts_ptr + row * columns + at, mask=mask, other=0).to(tl.int32)
        seen, total = tl.associative_scan((flag, x), 0, restart)
        total += tl.where(seen != 0, 0.0, carry)
        tl.store(out_ptr + row * columns + at, total, mask=mask)
        carry = tl.sum(tl.where(tl.arange(0, BLOCK) == BLOCK - 1, total, 0.0), axis=0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        block = min(Settings.BLOCK, triton.next_power_of_2(x.shape[1]))
        segment_kernel[(x.shape[0],)](x, starts, out, x.shape[1], BLOCK=block, num_warps=Settings.WARPS)
        return out


if __name__ == "__main__":
    torch.manual_seed(0)
    print(ModelNew()(torch.randn(4, 100, device="cuda"), torch.rand(4, 100, device="cuda") < 0.1))
