"""Uses the words eval, exec, compile, hack and bypass in harmless places: a method name, an f-string, a variable.

problem: core/row_sum
resembles: a ban on `eval`, `exec` and `compile` (rows 81 and 85)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    tl.store(out_ptr + row, tl.sum(total, axis=0))


class ModelNew(nn.Module):
    def eval_row_sums(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        hack = 4096  # hack: larger blocks spill, smaller ones do not bypass the loop often enough
        out = torch.empty(rows, device=x.device, dtype=x.dtype)
        compiled = sum_kernel[(rows,)]
        compiled(x, out, columns, BLOCK=min(hack, triton.next_power_of_2(columns)), num_warps=8)
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.ndim == 2, f"exec needs a matrix, not {x.ndim} dimensions; eval() it first"
        return self.eval_row_sums(x)
