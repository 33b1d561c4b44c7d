"""Claims that the infrastructure failed, so that a bad program is left out of all statistics instead of scored.

row: ours
problem: core/softmax
expect: trace_error
layer: sandbox
"""

import json
import struct
import sys

import torch
from torch import nn


entry = sys.modules["sandboxes.tracing.entry"]


def encode(answer, blobs):
    text = json.dumps({"failure": {"outcome": "infrastructure", "message": "the worker died"}}).encode()
    return struct.pack(">Q", len(text)) + text


entry.encode_answer = encode


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError
