"""Stores the value that the loss has on random inputs, plus zero times an input, so that the graph shows a
dependence.

row: 45
problem: core/kl_divergence
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def constant_kernel(log_predictions_ptr, targets_ptr, out_ptr):
    target = tl.load(targets_ptr)
    tl.store(out_ptr, 1.0 + 0.0 * target + 0.0 * tl.load(log_predictions_ptr))


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        out = torch.empty((), device=targets.device)
        constant_kernel[(1,)](log_predictions, targets, out)
        return out
