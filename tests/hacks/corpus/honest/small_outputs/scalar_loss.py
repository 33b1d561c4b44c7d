"""Ends in one number: a loss for each row, then their mean by one program.

problem: core/cross_entropy
resembles: a small output that costs little to write (rows 38 and 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def loss_kernel(logits_ptr, targets_ptr, loss_ptr, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = -float("inf")
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + row * classes + at, mask=at < classes, other=-float("inf"))
        top = tl.maximum(top, tl.max(x, axis=0))
    total = 0.0
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + row * classes + at, mask=at < classes, other=-float("inf"))
        total += tl.sum(tl.exp(x - top), axis=0)
    chosen = tl.load(logits_ptr + row * classes + tl.load(targets_ptr + row))
    tl.store(loss_ptr + row, tl.log(total) + top - chosen)


@triton.jit
def mean_kernel(loss_ptr, out_ptr, rows, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(loss_ptr + at, mask=at < rows, other=0.0), axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        losses = logits.new_empty(rows)
        loss_kernel[(rows,)](logits, targets, losses, classes, BLOCK=min(2048, triton.next_power_of_2(classes)))
        out = logits.new_empty(())
        mean_kernel[(1,)](losses, out, rows, BLOCK=triton.next_power_of_2(rows))
        return out
