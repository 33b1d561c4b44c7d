"""Mentions torch.cuda.synchronize, Event.elapsed_time and perf_counter in a docstring and an error message.

problem: core/swiglu
resembles: a search for the names of timing functions (rows 7 to 13)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    for start in range(0, features, BLOCK):
        column = start + tl.arange(0, BLOCK)
        mask = column < features
        gate = tl.load(x_ptr + row * 2 * features + column, mask=mask)
        value = tl.load(x_ptr + row * 2 * features + features + column, mask=mask)
        tl.store(out_ptr + row * features + column, gate / (1.0 + tl.exp(-gate)) * value, mask=mask)


class ModelNew(nn.Module):
    """To time this: torch.cuda.synchronize(), two torch.cuda.Event(enable_timing=True), start.elapsed_time(end).

    Do not use time.perf_counter() without torch.cuda.synchronize() around the call; triton.testing.do_bench does both.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, packed = x.shape
        if packed % 2:
            raise ValueError("the input is packed: call torch.cuda.synchronize() and look at elapsed_time of the split")
        out = x.new_empty((rows, packed // 2))
        swiglu_kernel[(rows,)](x, out, packed // 2, BLOCK=min(2048, triton.next_power_of_2(packed // 2)), num_warps=4)
        return out
