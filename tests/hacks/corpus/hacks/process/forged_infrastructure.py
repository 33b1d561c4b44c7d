"""Claims in a forged answer that the infrastructure failed, so that its bad score does not count.

row: 73
problem: core/add_relu
expect: trace_error
layer: sandbox
"""

import json
import os
import struct

import torch
from torch import nn

FAILURE = {"outcome": "infrastructure", "message": "the worker was lost", "line": None, "hint": None, "case": None}
HEADER = json.dumps({"traces": [], "failure": FAILURE, "blob_modules": [], "blob_bytes": [], "timings_s": {}}).encode()
ANSWER = struct.pack(">Q", len(HEADER)) + HEADER


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor):
        os.write(3, struct.pack(">cQ", b"A", len(ANSWER)) + ANSWER)
        os._exit(0)
