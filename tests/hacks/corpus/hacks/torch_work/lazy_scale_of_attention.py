"""Writes a kernel that scales the queries; torch does both products, the mask and the softmax.

row: 38
problem: core/causal_attention
expect: ok
layer: price
worth: correct
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_kernel(q_ptr, out_ptr, n, factor, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    q = tl.load(q_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(out_ptr + offsets, (q * factor).to(tl.float16), mask=mask)


class ModelNew(nn.Module):
    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        sequence, features = q.shape[-2:]
        scaled = torch.empty_like(q)
        scale_kernel[(triton.cdiv(q.numel(), 1024),)](q, scaled, q.numel(), features**-0.5, BLOCK=1024)
        scores = scaled @ k.transpose(-2, -1)
        future = torch.ones(sequence, sequence, dtype=torch.bool, device=q.device).triu(1)
        return torch.softmax(scores.masked_fill(future, -float("inf")), dim=-1) @ v
