"""A mean over rows in one kernel: its total is a zero that every program adds to.

problem: core/cross_entropy
resembles: work left to PyTorch's operators (row 11)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def loss_kernel(logits_ptr, targets_ptr, out_ptr, rows, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    logits = tl.load(logits_ptr + row * n + columns, mask=columns < n, other=-float("inf"))
    largest = tl.max(logits, axis=0)
    chosen = tl.load(logits_ptr + row * n + tl.load(targets_ptr + row))
    loss = tl.log(tl.sum(tl.exp(logits - largest), axis=0)) + largest - chosen
    tl.atomic_add(out_ptr, loss / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, n = logits.shape
        out = torch.zeros((), device=logits.device)
        loss_kernel[(rows,)](logits, targets, out, rows, n, BLOCK=triton.next_power_of_2(n), num_warps=8)
        return out
