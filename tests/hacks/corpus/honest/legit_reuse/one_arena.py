"""Cuts losses and mean out of one small allocation, and returns a view of its last element.

problem: core/cross_entropy
resembles: an output that aliases scratch memory (rows 35 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def loss_kernel(logits_ptr, targets_ptr, arena_ptr, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    top = tl.full((BLOCK,), -1e38, dtype=tl.float32)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(logits_ptr + row * classes + at, mask=at < classes, other=-float("inf"))
        new_top = tl.maximum(top, x)
        total = total * tl.exp(top - new_top) + tl.exp(x - new_top)
        top = new_top
    highest = tl.max(top, axis=0)
    norm = tl.sum(total * tl.exp(top - highest), axis=0)
    chosen = tl.load(logits_ptr + row * classes + tl.load(targets_ptr + row))
    tl.store(arena_ptr + row, highest + tl.log(norm) - chosen)


@triton.jit
def mean_kernel(arena_ptr, rows, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    losses = tl.load(arena_ptr + at, mask=at < rows, other=0.0)
    tl.store(arena_ptr + rows, tl.sum(losses, axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        arena = logits.new_empty(rows + 1)
        loss_kernel[(rows,)](logits, targets, arena, classes, BLOCK=1024)
        mean_kernel[(1,)](arena, rows, BLOCK=triton.next_power_of_2(rows))
        return arena[-1]
