"""Writes what looks like an answer to every open file descriptor.

row: 73
problem: core/softmax
expect: trace_error
layer: sandbox
"""

import os
import struct

import torch
from torch import nn


def answer() -> bytes:
    header = b'{"traces": [], "failure": null}'
    return struct.pack(">Q", len(header)) + header


for number in range(3, 256):
    try:
        os.write(number, answer())
    except OSError:
        continue
os._exit(0)


class ModelNew(nn.Module):
    pass
