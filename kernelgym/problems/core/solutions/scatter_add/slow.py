"""One element per lane and 64 per program: each looks up the node of its edge again, then is added atomically."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scatter_add_kernel(messages_ptr, targets_ptr, out_ptr, n, features, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    target = tl.load(targets_ptr + offsets // features, mask=mask)
    message = tl.load(messages_ptr + offsets, mask=mask)
    tl.atomic_add(out_ptr + target * features + offsets % features, message, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, nodes: int):
        super().__init__()
        self.nodes = nodes

    def forward(self, messages: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        n, features = messages.numel(), messages.shape[1]
        out = torch.zeros((self.nodes, features), device=messages.device)
        scatter_add_kernel[(triton.cdiv(n, 64),)](messages, targets, out, n, features, BLOCK=64, num_warps=1)
        return out
