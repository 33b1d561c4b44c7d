"""A grid-stride loop over all elements, with one atomic addition per program.

problem: core/kl_divergence
resembles: a fixed grid (row 49)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def kl_kernel(log_p_ptr, q_ptr, out_ptr, n, rows, BLOCK: tl.constexpr):
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        at = start + tl.arange(0, BLOCK)
        q = tl.load(q_ptr + at, mask=at < n, other=0.0)
        log_p = tl.load(log_p_ptr + at, mask=at < n, other=0.0)
        total += tl.where(q > 0, q * (tl.log(tl.where(q > 0, q, 1.0)) - log_p), 0.0)
    tl.atomic_add(out_ptr, tl.sum(total, axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        out = torch.zeros((), device=targets.device)
        n = targets.numel()
        kl_kernel[(min(264, triton.cdiv(n, 1024)),)](log_predictions, targets, out, n, targets.shape[0], BLOCK=1024)
        return out
