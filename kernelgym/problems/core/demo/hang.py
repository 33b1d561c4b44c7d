"""Never returns: the loop waits for something that does not happen."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        ready = False
        while not ready:
            ready = x.numel() < 0
        return x + y
