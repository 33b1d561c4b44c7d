import torch
from torch import nn

DTYPE = torch.float32
SPARSE = False
CHECK_SHAPES = [dict(batch=1, heads=1, length=17)]


class Model(nn.Module):
    def forward(self, scores, weight, bias, dy):
        def sparse(x):
            ordered = x.sort(-1, descending=True).values
            ranks = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
            sums = ordered.cumsum(-1)
            kept = (1 + ranks * ordered > sums).sum(-1, keepdim=True)
            return torch.relu(x - (sums.gather(-1, kept - 1) - 1) / kept)

        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)

        def attention(scores, weight, bias):
            hidden = scores.masked_fill(future, -1e9)
            probabilities = sparse(hidden) if SPARSE else hidden.softmax(-1)
            mixed = nn.functional.conv2d(probabilities, weight, bias, padding=1)
            return mixed.masked_fill(future, 0.0)

        return with_gradients(attention, (scores, weight, bias), dy)


def get_init_inputs():
    return []


def get_inputs(batch=2, heads=2, length=40):
    return [
        torch.randn(batch, heads, length, length, dtype=DTYPE),
        torch.randn(heads, heads, 3, 3, dtype=DTYPE),
        torch.randn(heads, dtype=DTYPE),
        torch.randn(batch, heads, length, length, dtype=DTYPE),
    ]
