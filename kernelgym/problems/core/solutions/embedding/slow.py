"""Gathers the rows to memory with one warp per token, then scales them and adds the positions in place."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def gather_kernel(tokens_ptr, token_ptr, out_ptr, features, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    token = tl.load(tokens_ptr + row)
    for start in range(0, features, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        value = tl.load(token_ptr + token * features + offsets, mask=offsets < features)
        tl.store(out_ptr + row * features + offsets, value, mask=offsets < features)


@triton.jit
def finish_kernel(out_ptr, position_ptr, n, size, scale, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    position = tl.load(position_ptr + offsets % size, mask=mask)
    tl.store(out_ptr + offsets, tl.load(out_ptr + offsets, mask=mask) * scale + position, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, tokens: int, positions: int, features: int):
        super().__init__()
        self.token = nn.Embedding(tokens, features)
        self.position = nn.Embedding(positions, features)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        features = self.token.weight.shape[1]
        out = torch.empty((*tokens.shape, features), device=tokens.device)
        n, size = out.numel(), tokens.shape[1] * features
        gather_kernel[(tokens.numel(),)](tokens, self.token.weight, out, features, BLOCK=32, num_warps=1)
        grid = (triton.cdiv(n, 64),)
        finish_kernel[grid](out, self.position.weight, n, size, features**0.5, BLOCK=64, num_warps=1)
        return out
