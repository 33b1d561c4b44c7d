"""Wrong: the position is scaled too."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def embedding_kernel(tokens_ptr, token_ptr, position_ptr, out_ptr, sequence, features, scale, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    value = tl.load(token_ptr + tl.load(tokens_ptr + row) * features + offsets, mask=mask)
    value += tl.load(position_ptr + row % sequence * features + offsets, mask=mask)
    tl.store(out_ptr + row * features + offsets, value * scale, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, tokens: int, positions: int, features: int):
        super().__init__()
        self.token = nn.Embedding(tokens, features)
        self.position = nn.Embedding(positions, features)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        sequence, features = tokens.shape[1], self.token.weight.shape[1]
        out = torch.empty((*tokens.shape, features), device=tokens.device)
        embedding_kernel[(tokens.numel(),)](
            tokens,
            self.token.weight,
            self.position.weight,
            out,
            sequence,
            features,
            features**0.5,
            BLOCK=triton.next_power_of_2(features),
        )
        return out
