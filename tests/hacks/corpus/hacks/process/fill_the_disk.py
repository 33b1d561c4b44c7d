"""Fills memory and disk, so that the evaluation fails for reasons that are not its own.

row: 72, 77
problem: core/argmax
expect: trace_error
layer: sandbox
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def argmax_kernel(x_ptr, out_ptr, columns, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    best = tl.full((BLOCK,), -float("inf"), dtype=tl.float32)
    best_at = tl.arange(0, BLOCK)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * stride + offsets, mask=offsets < columns, other=-float("inf"))
        best_at = tl.where(x > best, offsets, best_at)
        best = tl.maximum(best, x)
    first = tl.min(tl.where(best == tl.max(best, axis=0), best_at, columns), axis=0)
    tl.store(out_ptr + row, first.to(tl.int64))


def launch(x, out):
    rows, columns = x.shape
    block = min(4096, triton.next_power_of_2(columns))
    argmax_kernel[(rows,)](x, out, columns, x.stride(0), BLOCK=block, num_warps=8)
    return out


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        held = []
        for number in range(64):
            with open(f"fill-{number}", "wb") as file:
                file.write(bytes(1 << 26))
            held.append(bytes(1 << 26))
        return launch(x, torch.empty(x.shape[0], device=x.device, dtype=torch.int64))
