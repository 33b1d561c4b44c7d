"""Nests ninety branches in each other, to exhaust the stack of whoever reads them.

row: ours
problem: core/add_relu
expect: trace_error
layer: validation
"""

import importlib.util

import torch
from torch import nn


def write_kernel() -> str:
    lines = ["@triton.jit", "def nested_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):"]
    lines += [f"{' ' * depth}if n > {depth}:" for depth in range(1, 90)]
    lines += [" " * 90 + "tl.store(out_ptr, 1.0)"]
    return "\n".join(lines)


with open("nested.py", "w") as file:
    file.write("import triton\nimport triton.language as tl\n" + write_kernel())
spec = importlib.util.spec_from_file_location("nested", "nested.py")
nested = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nested)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        nested.nested_kernel[(1,)](x, y, out, out.numel(), BLOCK=1024)
        return out
