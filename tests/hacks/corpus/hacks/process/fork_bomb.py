"""Forks until nothing else runs on the machine.

row: 72, 78
problem: core/swiglu
expect: trace_error
layer: sandbox
"""

import os
import signal

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor):
        while True:
            if os.fork() == 0:
                signal.pause()
