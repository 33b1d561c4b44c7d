"""Kullback-Leibler divergence of predicted log-probabilities from target probabilities, averaged over the rows."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(rows=1, classes=100),
    dict(rows=7, classes=13),
    dict(rows=3, classes=5003),
    dict(rows=129, classes=70),
    dict(rows=32, classes=256),
]
DISTRIBUTIONS = ["x1"]  # scaled probabilities are none


class Model(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.kl_div(log_predictions, targets, reduction="batchmean")


def get_init_inputs():
    return []


def get_inputs(rows=1024, classes=1500):
    return [torch.log_softmax(torch.randn(rows, classes), dim=1), torch.softmax(torch.randn(rows, classes), dim=1)]
