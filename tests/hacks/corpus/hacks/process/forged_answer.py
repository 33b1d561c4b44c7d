"""Writes a well-formed answer that claims success without a trace into the tracer's pipe, and exits.

row: 73
problem: core/softmax
expect: trace_error
layer: sandbox
"""

import json
import os
import struct

import torch
from torch import nn

HEADER = json.dumps({"traces": [], "failure": None, "blob_modules": [], "blob_bytes": [], "timings_s": {}}).encode()
ANSWER = struct.pack(">Q", len(HEADER)) + HEADER
FRAME = struct.pack(">cQ", b"A", len(ANSWER)) + ANSWER

for descriptor in range(3, 64):
    try:
        os.write(descriptor, FRAME)
    except OSError:
        pass
os._exit(0)


class ModelNew(nn.Module):
    pass
