"""Casts the int64 indices to int32 with torch before the kernel that needs them.

problem: core/scatter_add
resembles: a torch operator on an input (row 38)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scatter_kernel(messages_ptr, targets_ptr, out_ptr, n, features, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    node = tl.load(targets_ptr + at // features, mask=mask, other=0)
    tl.atomic_add(out_ptr + node * features + at % features, tl.load(messages_ptr + at, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, nodes: int):
        super().__init__()
        self.nodes = nodes

    def forward(self, messages: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        out = messages.new_zeros((self.nodes, messages.shape[1]))
        n = messages.numel()
        scatter_kernel[(triton.cdiv(n, 1024),)](
            messages, targets.to(torch.int32), out, n, messages.shape[1], BLOCK=1024
        )
        return out
