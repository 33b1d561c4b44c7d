"""Returns one element per row, which would broadcast against what is expected.

row: 83, 45
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def cumulative_sum_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        carry = 0.0
        for start in range(0, columns, BLOCK):
            offsets = start + tl.arange(0, BLOCK)
            mask = offsets < columns
            x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
            tl.store(out_ptr + row * columns + offsets, tl.cumsum(x, axis=0) + carry, mask=mask)
            carry += tl.sum(x, axis=0)


def launch(x, out):
    rows, columns = x.shape
    multiprocessors = torch.cuda.get_device_properties(x.device).multi_processor_count
    block = min(2048, triton.next_power_of_2(columns))
    cumulative_sum_kernel[(min(rows, 8 * multiprocessors),)](x, out, rows, columns, BLOCK=block, num_warps=4)
    return out


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return launch(x, torch.empty_like(x))[:, -1:]
