import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, logits, labels):
        return nn.functional.cross_entropy(logits, labels)


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    labels = torch.randint(0, vocabulary, (rows,)).index_fill(0, torch.arange(1, rows, 3), -100)
    return [torch.randn(rows, vocabulary, dtype=DTYPE), labels]
