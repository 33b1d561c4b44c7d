"""Scaled embedding of tokens plus an embedding of their positions, as a language model begins."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(batch=1, sequence=1),
    dict(batch=3, sequence=5),
    dict(batch=1, sequence=97),
    dict(batch=2, sequence=100),
    dict(batch=4, sequence=32),
]
TOKENS = 5003
POSITIONS = 512
FEATURES = 400


class Model(nn.Module):
    def __init__(self, tokens: int, positions: int, features: int):
        super().__init__()
        self.token = nn.Embedding(tokens, features)
        self.position = nn.Embedding(positions, features)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        sequence, features = tokens.shape[-1], self.token.weight.shape[-1]
        return self.token(tokens) * features**0.5 + self.position.weight[:sequence]


def get_init_inputs():
    return [TOKENS, POSITIONS, FEATURES]


def get_inputs(batch=16, sequence=512):
    return [torch.randint(0, TOKENS, (batch, sequence))]
