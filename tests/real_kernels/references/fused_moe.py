import torch
from torch import nn

DTYPE = torch.float32
CHECK_SHAPES = [dict(tokens=5, number=3, width=16, hidden=16)]


class Model(nn.Module):
    def forward(self, x, gate_up, down, experts, weights):
        y = torch.zeros_like(x)
        for choice in range(experts.shape[1]):
            gate, up = torch.einsum("th,tnh->tn", x, gate_up[experts[:, choice].long()]).chunk(2, -1)
            hidden = nn.functional.silu(gate) * up
            y = y + weights[:, choice, None] * torch.einsum("tn,thn->th", hidden, down[experts[:, choice].long()])
        return y


def get_init_inputs():
    return []


def get_inputs(tokens=20, number=4, width=32, hidden=48):
    scores = torch.randn(tokens, number, dtype=DTYPE).softmax(-1)
    weights, experts = scores.topk(2)
    return [
        torch.randn(tokens, width, dtype=DTYPE),
        torch.randn(number, 2 * hidden, width, dtype=DTYPE),
        torch.randn(number, width, hidden, dtype=DTYPE),
        experts.int(),
        weights,
    ]
