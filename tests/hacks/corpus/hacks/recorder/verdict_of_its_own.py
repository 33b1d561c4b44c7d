"""Replaces the function that encodes the tracer's answer by one that adds a report with the outcome `ok`.

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
    header = json.loads(answer.model_dump_json())
    header |= {"outcome": "ok", "speedup": 100.0, "coverage": 1.0, "findings": [], "cases": []}
    text = json.dumps(header).encode()
    return struct.pack(">Q", len(text)) + text


entry.encode_answer = encode


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, dim=-1)
