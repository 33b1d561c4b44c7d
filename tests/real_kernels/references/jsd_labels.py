import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, log_q, log_p, labels, dloss):
        def divergence(log_q):
            log_m = (0.9 * log_q.exp() + 0.1 * log_p.exp()).log()
            terms = 0.1 * log_p.exp() * (log_p - log_m) + 0.9 * log_q.exp() * (log_q - log_m)
            kept = labels != -100
            return (terms.sum(-1) * kept).sum() / kept.sum()

        return with_gradients(divergence, (log_q,), dloss)


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    log_q = torch.randn(rows, vocabulary, dtype=DTYPE).log_softmax(-1)
    labels = torch.randint(0, vocabulary, (rows,)).index_fill(0, torch.arange(1, rows, 3), -100)
    return [log_q, torch.randn(rows, vocabulary, dtype=DTYPE).log_softmax(-1), labels, torch.randn((), dtype=DTYPE)]


DISTRIBUTIONS = ["x1"]  # logarithms of probabilities
