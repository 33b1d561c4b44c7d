"""Wrong: the logit of the class after the target is subtracted (the first one after the last)."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def row_loss_kernel(logits_ptr, targets_ptr, loss_ptr, rows, classes, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    x = tl.load(logits_ptr + row * classes + offsets, mask=offsets < classes, other=-float("inf"))
    largest = tl.max(x, axis=0)
    log_sum = tl.log(tl.sum(tl.exp(x - largest), axis=0)) + largest
    target = (tl.load(targets_ptr + row) + 1) % classes
    tl.atomic_add(loss_ptr, (log_sum - tl.load(logits_ptr + row * classes + target)) / rows)


class ModelNew(nn.Module):
    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = logits.shape
        loss = torch.zeros((), device=logits.device, dtype=torch.float32)
        block = triton.next_power_of_2(classes)
        row_loss_kernel[(rows,)](logits, targets, loss, rows, classes, BLOCK=block)
        return loss
