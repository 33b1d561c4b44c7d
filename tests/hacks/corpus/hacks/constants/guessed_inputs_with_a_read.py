"""Copies an answer to guessed inputs, and adds zero times the input, so that the graph shows a dependence.

row: 33, 67
problem: core/row_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy_kernel(answer_ptr, x_ptr, out_ptr, columns):
    row = tl.program_id(0)
    tl.store(out_ptr + row, tl.load(answer_ptr + row) + 0.0 * tl.load(x_ptr + row * columns))


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        shapes = [(5, 1), (7, 129), (2, 10007), (16, 1024), (37, 500), (64, 65536)]
        self.answers = {}
        for shape in shapes:
            torch.manual_seed(0)
            self.answers[shape] = torch.randn(shape).sum(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty(rows, device=x.device)
        copy_kernel[(rows,)](self.answers[rows, columns], x, out, columns)
        return out
