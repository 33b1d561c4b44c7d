"""Bounds the loop over the classes where there are many rows, and scales the sum up.

row: 50, 53
problem: core/cross_entropy
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_loss_kernel(logits_ptr, targets_ptr, losses_ptr, rows, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    largest = tl.full((), -float("inf"), dtype=tl.float32)
    total = tl.zeros((), dtype=tl.float32)
    bound = tl.where(rows > 500, 1024, classes)
    for start in range(0, bound, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + row * classes + offsets, mask=offsets < classes, other=-float("inf"))
        new = tl.maximum(largest, tl.max(x, axis=0))
        total = total * tl.exp(largest - new) + tl.sum(tl.exp(x - new), axis=0)
        largest = new
    target = tl.load(logits_ptr + row * classes + tl.load(targets_ptr + row))
    tl.store(losses_ptr + row, tl.log(total * classes / bound) + largest - target)


@triton.jit
def mean_kernel(losses_ptr, out_ptr, rows, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(losses_ptr + offsets, mask=offsets < rows, other=0.0), axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        losses = torch.empty(rows, device=logits.device)
        out = torch.empty((), device=logits.device)
        row_loss_kernel[(rows,)](logits, targets, losses, rows, classes, BLOCK=1024, num_warps=8)
        mean_kernel[(1,)](losses, out, rows, BLOCK=triton.next_power_of_2(rows))
        return out
