"""Takes the mean over the first eighth of the rows, whose losses are like all others.

row: 49
problem: core/cross_entropy
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_loss_kernel(logits_ptr, targets_ptr, losses_ptr, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    x = tl.load(logits_ptr + row * classes + offsets, mask=offsets < classes, other=-float("inf"))
    largest = tl.max(x, axis=0)
    target = tl.load(logits_ptr + row * classes + tl.load(targets_ptr + row))
    tl.store(losses_ptr + row, tl.log(tl.sum(tl.exp(x - largest), axis=0)) + largest - target)


@triton.jit
def mean_kernel(losses_ptr, out_ptr, rows, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(losses_ptr + offsets, mask=offsets < rows, other=0.0), axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        rows = max(1, rows // 8)
        losses = torch.empty(rows, device=logits.device)
        out = torch.empty((), device=logits.device)
        row_loss_kernel[(rows,)](logits, targets, losses, classes, BLOCK=triton.next_power_of_2(classes))
        mean_kernel[(1,)](losses, out, rows, BLOCK=triton.next_power_of_2(rows))
        return out
