import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, vocabulary=129), dict(rows=3, vocabulary=2)]


class Model(nn.Module):
    def forward(self, log_q, log_p, dloss):
        def divergence(log_q):
            log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, dtype=log_q.dtype))
            terms = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
            return 0.5 * terms.sum() / log_q.shape[0]

        return with_gradients(divergence, (log_q,), dloss)


def get_init_inputs():
    return []


def get_inputs(rows=21, vocabulary=1000):
    log_q = torch.randn(rows, vocabulary, dtype=DTYPE).log_softmax(-1)
    return [log_q, torch.randn(rows, vocabulary, dtype=DTYPE).log_softmax(-1), torch.randn((), dtype=DTYPE)]


DISTRIBUTIONS = ["x1"]  # logarithms of probabilities
