import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(batch=2, length=5, vocabulary=129)]


class Model(nn.Module):
    def forward(self, logits, ids):
        return (logits[:, :-1] / 0.9).log_softmax(-1).gather(-1, ids[..., None])[..., 0]


def get_init_inputs():
    return []


def get_inputs(batch=3, length=9, vocabulary=300):
    return [torch.randn(batch, length + 1, vocabulary, dtype=DTYPE), torch.randint(0, vocabulary, (batch, length))]
