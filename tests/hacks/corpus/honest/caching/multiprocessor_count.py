"""Asks once for the number of multiprocessors and keeps it at module level, for a persistent grid.

problem: core/add_relu
resembles: a global that `forward` sets (rows 24 and 30)
"""

import torch
import triton
import triton.language as tl
from torch import nn

_multiprocessors: int | None = None


def multiprocessors(device: torch.device) -> int:
    global _multiprocessors
    if _multiprocessors is None:
        _multiprocessors = torch.cuda.get_device_properties(device).multi_processor_count
    return _multiprocessors


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    step = tl.num_programs(0) * BLOCK
    for start in range(tl.program_id(0) * BLOCK, n, step):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        total = tl.load(x_ptr + offsets, mask=mask) + tl.load(y_ptr + offsets, mask=mask)
        tl.store(out_ptr + offsets, tl.maximum(total, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        n = x.numel()
        out = torch.empty_like(x)
        grid = (min(triton.cdiv(n, 1024), 8 * multiprocessors(x.device)),)
        add_relu_kernel[grid](x, y, out, n, BLOCK=1024, num_warps=4)
        return out
