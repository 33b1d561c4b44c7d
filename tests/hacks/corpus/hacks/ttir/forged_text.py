"""Sends text as a kernel that opens a hundred thousand brackets.

row: ours
problem: core/add_relu
expect: trace_error
layer: validation
"""

import gc

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, tl.maximum(x + y, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = out.numel()
        add_relu_kernel[(triton.cdiv(n, 1024),)](x, y, out, n, BLOCK=1024)
        for recorder in (item for item in gc.get_objects() if type(item).__name__ == "Recorder"):
            for index, node in enumerate(recorder.nodes):
                if node.kind == "launch":
                    text = "module { tt.func public @k" + "(" * 100_000 + "{" * 100_000
                    forged = node.variants[0].model_copy(update={"ttir": text})
                    recorder.nodes[index] = node.model_copy(update={"variants": (forged,)})
        return out
