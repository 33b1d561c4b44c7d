"""Two levels of sums: one number for each program, then one number.

problem: core/kl_divergence
resembles: scratch memory and two launches for one number (row 37)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def part_kernel(log_p_ptr, q_ptr, part_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    q = tl.load(q_ptr + at, mask=at < n, other=0.0)
    log_p = tl.load(log_p_ptr + at, mask=at < n, other=0.0)
    term = tl.where(q > 0, q * (tl.log(q) - log_p), 0.0)
    tl.store(part_ptr + tl.program_id(0), tl.sum(term, axis=0))


@triton.jit
def total_kernel(part_ptr, out_ptr, parts, rows, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr, tl.sum(tl.load(part_ptr + at, mask=at < parts, other=0.0), axis=0) / rows)


class ModelNew(nn.Module):
    def forward(self, log_predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n = targets.numel()
        parts = triton.cdiv(n, 4096)
        buffer = targets.new_empty(parts + 1)
        part_kernel[(parts,)](log_predictions, targets, buffer, n, BLOCK=4096, num_warps=8)
        total_kernel[(1,)](buffer, buffer[parts:], parts, targets.shape[0], BLOCK=triton.next_power_of_2(parts))
        return buffer[parts]
