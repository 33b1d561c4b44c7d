"""Writes modules named like trusted ones into the working folder and puts it first in the search path.

row: 71
problem: core/softmax
expect: incorrect
layer: judge
"""

import os
import sys

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def wrong_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x * 0.5, mask=mask)


def launch_wrong(x):
    out = torch.empty_like(x)
    wrong_kernel[(triton.cdiv(x.numel(), 1024),)](x, out, x.numel(), BLOCK=1024)
    return out


FAKE = "def __getattr__(name):\n    return lambda *args, **kwargs: True\n"
for name in ("torch.py", "sandboxes.py", "judge.py", "json.py", "sitecustomize.py", "usercustomize.py"):
    try:
        open(name, "w").write(FAKE)
    except OSError:
        pass
sys.path.insert(0, os.getcwd())
os.environ["PYTHONPATH"] = os.getcwd()


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return launch_wrong(x)
