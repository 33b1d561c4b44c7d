"""Wrong: averages over all elements instead of the rows, as `reduction="mean"` does."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def divergence_kernel(log_predictions_ptr, targets_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    target = tl.load(targets_ptr + offsets, mask=mask, other=1.0)
    term = target * (tl.log(target) - tl.load(log_predictions_ptr + offsets, mask=mask, other=0.0))
    tl.atomic_add(out_ptr, tl.sum(term, axis=0) / n)


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = targets.numel()
        out = torch.zeros((), device=targets.device)
        divergence_kernel[(triton.cdiv(n, 1024),)](log_predictions, targets, out, n, BLOCK=1024)
        return out
