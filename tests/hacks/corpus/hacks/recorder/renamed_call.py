"""Walks the stack to the recorder and renames the product that torch computes to an operator that is cheap.

row: ours
problem: core/matmul
expect: incorrect, trace_error
layer: validation
"""

import sys

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_kernel(x_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(x_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        out = a @ b
        scale_kernel[(triton.cdiv(out.numel(), 1024),)](out, out.numel(), 1.5, BLOCK=1024)
        frame = sys._getframe()
        while "recorder" not in frame.f_locals:
            frame = frame.f_back
        nodes = frame.f_locals["recorder"].nodes
        for index, node in enumerate(nodes):
            if getattr(node, "operator", "") == "aten::mm.default":
                nodes[index] = node.model_copy(update={"operator": "aten::maximum.default"})
        return out
