"""Sum of the messages that reach each node of a graph: rows are added to the rows that an index names."""

import torch
from torch import nn

CHECK_SHAPES = [
    dict(edges=1, features=17),
    dict(edges=7, features=13),
    dict(edges=1000, features=1),
    dict(edges=331, features=100),
    dict(edges=256, features=64),
    dict(edges=19, features=300),
]
NODES = 1500


class Model(nn.Module):
    def __init__(self, nodes: int):
        super().__init__()
        self.nodes = nodes

    def forward(self, messages: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return messages.new_zeros(self.nodes, messages.shape[1]).index_add_(0, targets, messages)


def get_init_inputs():
    return [NODES]


def get_inputs(edges=20000, features=100):
    return [torch.randn(edges, features), torch.randint(0, NODES, (edges,))]
