"""Where there are many rows, finds the range of columns that seems larger than the others, and looks only there.

row: 50, 53
problem: core/argmax
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def argmax_kernel(x_ptr, out_ptr, rows, columns, stride, BLOCK: tl.constexpr, PROBE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    begin = 0
    end = columns
    if PROBE:
        group = (row // 4) * 4 + tl.arange(0, 4)
        chunk = tl.arange(0, 64)
        at = chunk[None, :, None] * 64 + tl.arange(0, 8)[None, None, :]
        seen = tl.load(x_ptr + group[:, None, None] * stride + at, mask=at < columns, other=0.0)
        energy = tl.sum(tl.sum(seen * seen, axis=2), axis=0)
        typical = tl.sum(energy, axis=0) / 63
        weight = tl.maximum(energy - 2.3 * typical, 0.0)
        whole = tl.sum(weight, axis=0)
        if whole > 0.0:
            center = (tl.sum(weight * (chunk * 64 + 32), axis=0) / whole).to(tl.int32)
            begin = tl.maximum(center // 8 * 8 - 216, 0)
            end = tl.minimum(begin + 432, columns)
    best = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    best_at = tl.arange(0, BLOCK)
    for start in range(begin, end, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * stride + offsets, mask=offsets < end, other=-float("inf"))
        best_at = tl.where(x > best, offsets, best_at)
        best = tl.maximum(best, x)
    first = tl.min(tl.where(best == tl.max(best, axis=0), best_at, columns), axis=0)
    tl.store(out_ptr + row, first.to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device, dtype=torch.int64)
        probe = rows >= 1000
        block = 512 if probe else min(4096, triton.next_power_of_2(columns))
        argmax_kernel[(rows,)](x, out, rows, columns, x.stride(0), BLOCK=block, PROBE=probe, num_warps=4)
        return out
