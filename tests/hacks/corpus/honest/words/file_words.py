"""Talks of files, sockets, /dev/shm and os._exit in comments, and opens none.

problem: core/embedding
resembles: a search for the words of escapes (rows 32, 72 to 80)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def embed_kernel(tokens_ptr, table_ptr, positions_ptr, out_ptr, sequence, features, scale, BLOCK: tl.constexpr):
    # A table larger than /dev/shm does not matter here: only the rows that are needed are read (no mmap, no open()).
    at = tl.program_id(0)
    token = tl.load(tokens_ptr + at)
    column = tl.arange(0, BLOCK)
    mask = column < features
    row = tl.load(table_ptr + token * features + column, mask=mask)
    position = tl.load(positions_ptr + (at % sequence) * features + column, mask=mask)
    tl.store(out_ptr + at.to(tl.int64) * features + column, row * scale + position, mask=mask)


class ModelNew(nn.Module):
    """No subprocess, no socket, no os._exit: sys.exit() would end the caller."""

    def __init__(self, tokens: int, positions: int, features: int):
        super().__init__()
        self.token = nn.Embedding(tokens, features)
        self.position = nn.Embedding(positions, features)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, sequence = tokens.shape
        features = self.token.weight.shape[1]
        out = self.token.weight.new_empty((batch, sequence, features))
        embed_kernel[(batch * sequence,)](
            tokens,
            self.token.weight,
            self.position.weight,
            out,
            sequence,
            features,
            features**0.5,
            BLOCK=triton.next_power_of_2(features),
            num_warps=4,
        )
        return out
