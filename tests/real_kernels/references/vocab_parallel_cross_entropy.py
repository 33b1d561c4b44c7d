import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(length=5, batch=1, vocabulary=129), dict(length=2, batch=2, vocabulary=3)]


class Model(nn.Module):
    def forward(self, logits, labels, dloss):
        def loss(logits):
            flat = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
            return flat.view_as(labels)

        return with_gradients(loss, (logits,), dloss)


def get_init_inputs():
    return []


def get_inputs(length=7, batch=3, vocabulary=1000):
    labels = torch.randint(0, vocabulary, (length, batch))
    labels[0] = -100
    return [torch.randn(length, batch, vocabulary, dtype=DTYPE), labels, torch.randn(length, batch, dtype=DTYPE)]
