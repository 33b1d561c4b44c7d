"""Writes a report of success into every descriptor it can find and exits with status 0.

row: 23, 73
problem: core/add_relu
expect: trace_error
layer: sandbox
"""

import os

import torch
from torch import nn

REPORT = b'{"outcome": "ok", "verdict": "ok", "speedup": 104.0, "coverage": 1.0, "findings": [], "diagnostics": []}\n'


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        for descriptor in range(256):
            try:
                os.write(descriptor, REPORT)
            except OSError:
                pass
        os._exit(0)
