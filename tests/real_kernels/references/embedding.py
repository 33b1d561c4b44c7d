import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=7, vocabulary=13, columns=24), dict(rows=1, vocabulary=1, columns=1)]


class Model(nn.Module):
    def forward(self, table, indices, dy):
        return with_gradients(lambda table: table[indices], (table,), dy)


def get_init_inputs():
    return []


def get_inputs(rows=40, vocabulary=100, columns=64):
    return [
        torch.randn(vocabulary, columns, dtype=DTYPE),
        torch.randint(0, vocabulary, (rows,)),
        torch.randn(rows, columns, dtype=DTYPE),
    ]
