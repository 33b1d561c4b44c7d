"""Scans blocks, then adds the sums of the blocks before, in place on the output.

problem: core/cumulative_sum
resembles: a second kernel that reads and writes the output (rows 37 and 66)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def block_kernel(x_ptr, out_ptr, sums_ptr, columns, BLOCK: tl.constexpr):
    row, block = tl.program_id(1).to(tl.int64), tl.program_id(0)
    at = block * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
    tl.store(out_ptr + row * columns + at, tl.cumsum(x, axis=0), mask=at < columns)
    tl.store(sums_ptr + row * tl.num_programs(0) + block, tl.sum(x, axis=0))


@triton.jit
def carry_kernel(out_ptr, sums_ptr, columns, PARTS: tl.constexpr, BLOCK: tl.constexpr):
    row, block = tl.program_id(1).to(tl.int64), tl.program_id(0)
    part = tl.arange(0, PARTS)
    before = tl.load(sums_ptr + row * tl.num_programs(0) + part, mask=part < block, other=0.0)
    at = block * BLOCK + tl.arange(0, BLOCK)
    partial = tl.load(out_ptr + row * columns + at, mask=at < columns)
    tl.store(out_ptr + row * columns + at, partial + tl.sum(before, axis=0), mask=at < columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        parts = triton.cdiv(columns, 512)
        out, sums = torch.empty_like(x), x.new_empty(rows, parts)
        block_kernel[(parts, rows)](x, out, sums, columns, BLOCK=512)
        carry_kernel[(parts, rows)](out, sums, columns, PARTS=triton.next_power_of_2(parts), BLOCK=512)
        return out
