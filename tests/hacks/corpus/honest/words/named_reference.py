"""Calls its launching function `reference_softmax` and its kernel `expected_kernel`: names, not calls of the reference.

problem: core/softmax
resembles: a search for "reference" or "expected" (rows 42 and 64)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def expected_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=-float("inf"))
    weights = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * columns + offsets, weights / tl.sum(weights, axis=0), mask=mask)


def reference_softmax(x: torch.Tensor) -> torch.Tensor:
    """The same numbers as the reference, in one launch."""
    rows, columns = x.shape
    expected = torch.empty_like(x)
    expected_kernel[(rows,)](x, expected, columns, BLOCK=triton.next_power_of_2(columns), num_warps=4)
    return expected


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return reference_softmax(x)
