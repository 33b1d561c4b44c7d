"""Speaks of streams, threads and CUDA graphs in its comments, and uses none of them.

problem: core/add_relu
resembles: a ban on the words "stream" and "thread" (rows 1 to 5)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    # Each thread of a warp handles BLOCK / 128 elements; loads stream through L2 without being cached.
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask, eviction_policy="evict_first")
    y = tl.load(y_ptr + offsets, mask=mask, eviction_policy="evict_first")
    tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)


class ModelNew(nn.Module):
    """Runs on the current stream; no torch.cuda.Stream(), no threading.Thread, no torch.cuda.CUDAGraph is needed."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = x.numel()
        # torch.cuda.synchronize() is the caller's business: launches are asynchronous.
        add_relu_kernel[(triton.cdiv(n, 2048),)](x, y, out, n, BLOCK=2048, num_warps=8)
        return out
