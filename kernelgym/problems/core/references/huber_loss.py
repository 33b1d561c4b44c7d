"""Mean Huber loss: quadratic for small differences, linear for large ones."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, columns=17),
    dict(rows=7, columns=13),
    dict(rows=3, columns=5003),
    dict(rows=97, columns=331),
    dict(rows=64, columns=256),
]


class Model(nn.Module):
    def __init__(self, delta: float):
        super().__init__()
        self.delta = delta

    def forward(self, predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.huber_loss(predictions, targets, delta=self.delta)


def get_init_inputs():
    return [0.75]


def get_inputs(rows=2048, columns=1500):
    return [torch.randn(rows, columns), torch.randn(rows, columns)]
