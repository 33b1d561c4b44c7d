"""Mean cross entropy of logits against class indices."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, classes=1009),
    dict(rows=7, classes=11),
    dict(rows=33, classes=100),
    dict(rows=128, classes=64),
    dict(rows=9, classes=12007),
    dict(rows=1100, classes=5),
]


class Model(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits, targets)


def get_init_inputs():
    return []


def get_inputs(rows=1024, classes=4000):
    return [torch.randn(rows, classes), torch.randint(0, classes, (rows,))]
