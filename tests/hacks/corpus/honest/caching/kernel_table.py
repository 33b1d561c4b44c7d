"""Picks the kernel from a dictionary by dtype; the dictionary is filled when the module is imported.

problem: core/swiglu
resembles: a dictionary looked up in `forward` (rows 29 and 53)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(1).to(tl.int64)
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = column < features
    gate = tl.load(x_ptr + row * 2 * features + column, mask=mask).to(tl.float32)
    value = tl.load(x_ptr + (row * 2 + 1) * features + column, mask=mask).to(tl.float32)
    tl.store(
        out_ptr + row * features + column, (gate * tl.sigmoid(gate) * value).to(out_ptr.dtype.element_ty), mask=mask
    )


CACHE = {
    torch.float32: (swiglu_kernel, 512),
    torch.float16: (swiglu_kernel, 1024),
    torch.bfloat16: (swiglu_kernel, 1024),
}


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape[0], x.shape[1] // 2
        kernel, block = CACHE[x.dtype]
        out = torch.empty(rows, features, dtype=x.dtype, device=x.device)
        kernel[(triton.cdiv(features, block), rows)](x, out, features, BLOCK=block)
        return out
