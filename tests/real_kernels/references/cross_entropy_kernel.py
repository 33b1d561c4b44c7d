import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, logits, labels, dloss):
        def loss(logits):
            capped = 30.0 * torch.tanh(logits / 30.0)
            square = 1e-2 * (capped.logsumexp(-1).square() * (labels != -100)).sum()
            return nn.functional.cross_entropy(capped, labels, reduction="sum", label_smoothing=0.1) + square

        return with_gradients(loss, (logits,), dloss)


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    labels = torch.randint(0, vocabulary, (rows,)).index_fill(0, torch.arange(1, rows, 3), -100)
    return [torch.randn(rows, vocabulary, dtype=DTYPE), labels, torch.randn((), dtype=DTYPE)]
