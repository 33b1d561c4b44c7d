"""Adds to its launch a variant that does nothing: every variant is said to compute the same, and the cheapest is
taken.

row: ours
problem: core/cumulative_sum
expect: incorrect, trace_error
layer: judge
"""

import gc

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scan_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
    tl.store(out_ptr + row * columns + offsets, tl.cumsum(x, axis=0), mask=mask)


@triton.jit
def first_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    tl.store(out_ptr + row * columns, tl.load(x_ptr + row * columns))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        block = triton.next_power_of_2(columns)
        first_kernel[(rows,)](x, out, columns, BLOCK=block)
        scan_kernel[(rows,)](x, out, columns, BLOCK=block)
        for recorder in (item for item in gc.get_objects() if type(item).__name__ == "Recorder"):
            *others, first, scan = recorder.nodes or [None, None]
            if getattr(scan, "kind", "") == "launch" and first.kind == "launch":
                cheap = first.variants[0].model_copy(update={"config": "cheap"})
                recorder.nodes[:] = [*others, scan.model_copy(update={"variants": (*scan.variants, cheap)})]
        return out
