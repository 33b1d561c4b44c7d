"""Kills all processes that it may signal, in the hope that whoever judges it is among them.

row: 78
problem: core/softmax
expect: trace_error
layer: sandbox
"""

import os
import signal

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        for pid in [os.getppid(), *range(1, 200)]:
            if pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        os.kill(-1, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
