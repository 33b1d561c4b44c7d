import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(rows=5, width=16, vocabulary=129)]


class Model(nn.Module):
    def forward(self, x, weight, teacher, teacher_weight):
        log_p = (teacher @ teacher_weight.T).log_softmax(-1)

        def divergence(x, weight):
            log_q = (x @ weight.T).log_softmax(-1)
            log_m = torch.logaddexp(log_p, log_q) - torch.log(torch.tensor(2.0, dtype=x.dtype))
            return 0.5 * (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)).sum() / x.shape[0]

        return with_gradients(divergence, (x, weight), torch.ones((), dtype=x.dtype))


def get_init_inputs():
    return []


def get_inputs(rows=21, width=32, vocabulary=300):
    return [
        torch.randn(rows, width, dtype=DTYPE),
        torch.randn(vocabulary, width, dtype=DTYPE),
        torch.randn(rows, width, dtype=DTYPE),
        torch.randn(vocabulary, width, dtype=DTYPE),
    ]


DISTRIBUTIONS = ["x1"]  # of nearly equal distributions the divergence is noise
