"""Writes every term to memory in blocks of 64; torch adds them up."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def terms_kernel(log_predictions_ptr, targets_ptr, terms_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    target = tl.load(targets_ptr + offsets, mask=mask, other=1.0)
    term = target * (tl.log(target) - tl.load(log_predictions_ptr + offsets, mask=mask, other=0.0))
    tl.store(terms_ptr + offsets, tl.where(target > 0, term, 0.0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = targets.numel()
        terms = torch.empty_like(targets)
        terms_kernel[(triton.cdiv(n, 64),)](log_predictions, targets, terms, n, BLOCK=64, num_warps=1)
        return terms.sum(dim=1).mean()
