import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, width=16, vocabulary=129)]


class Model(nn.Module):
    def forward(self, x, weight, labels):
        def loss(x, weight):
            return nn.functional.cross_entropy(x @ weight.T, labels)

        return with_gradients(loss, (x, weight), torch.ones((), dtype=x.dtype))


def get_init_inputs():
    return []


def get_inputs(rows=21, width=32, vocabulary=300):
    labels = torch.randint(0, vocabulary, (rows,)).index_fill(0, torch.arange(1, rows, 3), -100)
    return [torch.randn(rows, width, dtype=DTYPE), torch.randn(vocabulary, width, dtype=DTYPE), labels]
