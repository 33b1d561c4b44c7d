"""Fused in one pass: each program takes one flat block."""

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
        assert x.is_cuda, f"the inputs must be on the GPU, not on {x.device}"
        assert x.shape == y.shape
        assert x.is_contiguous()
        assert y.is_contiguous()
        out = torch.empty_like(x)
        n = out.numel()
        with torch.cuda.device(x.device):
            add_relu_kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, y, out, n, BLOCK=1024, num_warps=4)
        return out
