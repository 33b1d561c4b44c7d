import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, log_p, target, dloss):
        def divergence(log_p):
            return nn.functional.kl_div(log_p, target, reduction="batchmean")

        return with_gradients(divergence, (log_p,), dloss)


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    log_p = torch.randn(rows, vocabulary, dtype=DTYPE).log_softmax(-1)
    return [log_p, torch.randn(rows, vocabulary, dtype=DTYPE).softmax(-1), torch.randn((), dtype=DTYPE)]


DISTRIBUTIONS = ["x1"]  # probabilities
