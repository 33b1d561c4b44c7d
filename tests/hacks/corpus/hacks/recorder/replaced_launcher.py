"""Replaces the launcher of the active driver by one that notes the text of another, smaller kernel.

row: ours
problem: core/row_sum
expect: memory_error
layer: sanitizer
"""

import dataclasses

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        acc += tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    tl.store(out_ptr + row, tl.sum(acc, axis=0))


class Log:
    def __init__(self, log):
        self.log = log

    def launched(self, launch):
        text = launch.ttir.replace("%columns step", "%c1024_i32 step")
        self.log.launched(dataclasses.replace(launch, ttir=text.replace("%columns : i32", "%c1024_i32 : i32")))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        driver = triton.runtime.driver.active
        if type(driver._log).__name__ != "Log":
            driver._log = Log(driver._log)
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device)
        row_sum_kernel[(rows,)](x, out, columns, BLOCK=1024)
        return out
