"""Reads several rows of the table per program; the scale is applied on the way.

problem: core/embedding
resembles: an nn.Embedding that is not called (row 37)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def embed_kernel(
    tokens_ptr, table_ptr, places_ptr, out_ptr, n, sequence, features, ROWS: tl.constexpr, BLOCK: tl.constexpr
):
    at = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    token = tl.load(tokens_ptr + at, mask=at < n, other=0)
    mask = (at[:, None] < n) & (column < features)
    value = tl.load(table_ptr + token[:, None] * features + column, mask=mask)
    place = tl.load(places_ptr + (at % sequence)[:, None] * features + column, mask=mask)
    scale = tl.sqrt(features.to(tl.float32))
    tl.store(out_ptr + at[:, None] * features + column, tl.fma(value, scale, place), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, tokens: int, positions: int, features: int):
        super().__init__()
        self.token = nn.Embedding(tokens, features)
        self.position = nn.Embedding(positions, features)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        features = self.token.embedding_dim
        out = torch.empty(*tokens.shape, features, device=tokens.device)
        n = tokens.numel()
        embed_kernel[(triton.cdiv(n, 8), triton.cdiv(features, 128))](
            tokens, self.token.weight, self.position.weight, out, n, tokens.shape[1], features, ROWS=8, BLOCK=128
        )
        return out
