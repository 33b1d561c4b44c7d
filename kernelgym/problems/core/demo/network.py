"""Looks for help on the network, which the sandbox does not have; the `OSError` is not caught.

The address is reserved for documentation (RFC 5737), so nobody is called even without a sandbox.
"""

import socket

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with socket.create_connection(("192.0.2.1", 80), timeout=2.0) as connection:
            connection.sendall(b"GET /add_relu HTTP/1.0\r\n\r\n")
        return torch.relu(x + y)
