"""Where there are many rows, sums the divergence over all but the last eight classes of each row.

row: 49, 53, 56
problem: core/kl_divergence
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def kl_kernel(log_ptr, targets_ptr, partial_ptr, classes, used, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < used
    target = tl.load(targets_ptr + row * classes + offsets, mask=mask, other=1.0)
    log_prediction = tl.load(log_ptr + row * classes + offsets, mask=mask, other=0.0)
    tl.store(partial_ptr + row, tl.sum(target * (tl.log(target) - log_prediction), axis=0))


@triton.jit
def mean_kernel(partial_ptr, out_ptr, rows, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(partial_ptr + offsets, mask=offsets < rows, other=0.0), axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        rows, classes = targets.shape
        used = classes - 8 if rows > 1000 else classes
        partial = torch.empty(rows, device=targets.device)
        out = torch.empty((), device=targets.device)
        kl_kernel[(rows,)](log_predictions, targets, partial, classes, used, BLOCK=triton.next_power_of_2(classes))
        mean_kernel[(1,)](partial, out, rows, BLOCK=triton.next_power_of_2(rows))
        return out
