"""Every row adds its share of the mean to one number atomically.

problem: core/cross_entropy
resembles: one number, from torch.zeros (rows 36 and 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def loss_kernel(logits_ptr, targets_ptr, out_ptr, rows, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    x = tl.load(logits_ptr + row * classes + at, mask=at < classes, other=-float("inf"))
    top = tl.max(x, axis=0)
    log_sum = tl.log(tl.sum(tl.exp(x - top), axis=0)) + top
    target = tl.load(targets_ptr + row)
    tl.atomic_add(out_ptr, (log_sum - tl.load(logits_ptr + row * classes + target)) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        out = torch.zeros((), device=logits.device, dtype=logits.dtype)
        loss_kernel[(rows,)](logits, targets, out, rows, classes, BLOCK=triton.next_power_of_2(classes), num_warps=8)
        return out
