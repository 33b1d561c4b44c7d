"""Gets a product from distances, since 2ab = a^2 + b^2 - (a - b)^2: an operator that once cost as much as reading
its operands.

row: ours
problem: core/matmul
expect: ok
layer: price
worth: correct
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def square_kernel(x_ptr, out_ptr, k, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, k, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * k + offsets, mask=offsets < k, other=0.0)
        acc += x * x
    tl.store(out_ptr + row, tl.sum(acc, axis=0))


@triton.jit
def combine_kernel(distance_ptr, a_ptr, b_ptr, out_ptr, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    a = tl.load(a_ptr + row)
    for start in range(0, n, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        distance = tl.load(distance_ptr + row * n + offsets, mask=mask)
        b = tl.load(b_ptr + offsets, mask=mask)
        tl.store(out_ptr + row * n + offsets, 0.5 * (a + b - distance * distance), mask=mask)


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        b = b.t().contiguous()
        distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        squares_a, squares_b = torch.empty(m, device=a.device), torch.empty(n, device=a.device)
        square_kernel[(m,)](a, squares_a, k, BLOCK=1024)
        square_kernel[(n,)](b, squares_b, k, BLOCK=1024)
        out = torch.empty(m, n, device=a.device)
        combine_kernel[(m,)](distance, squares_a, squares_b, out, n, BLOCK=1024)
        return out
