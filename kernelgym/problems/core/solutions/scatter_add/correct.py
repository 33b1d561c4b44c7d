"""Each program adds a tile of edges and features atomically to the rows that the edges name."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scatter_add_kernel(messages_ptr, targets_ptr, out_ptr, edges, features, EDGES: tl.constexpr, BLOCK: tl.constexpr):
    edge = tl.program_id(0) * EDGES + tl.arange(0, EDGES)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    mask = (edge < edges)[:, None] & (column < features)
    target = tl.load(targets_ptr + edge, mask=edge < edges, other=0)
    message = tl.load(messages_ptr + edge[:, None] * features + column, mask=mask)
    tl.atomic_add(out_ptr + target[:, None] * features + column, message, mask=mask, sem="relaxed")


class ModelNew(nn.Module):
    def __init__(self, nodes: int):
        super().__init__()
        self.nodes = nodes

    def forward(self, messages: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        edges, features = messages.shape
        out = torch.zeros((self.nodes, features), device=messages.device, dtype=messages.dtype)
        block = min(128, triton.next_power_of_2(features))
        grid = (triton.cdiv(edges, 16), triton.cdiv(features, block))
        scatter_add_kernel[grid](messages, targets, out, edges, features, EDGES=16, BLOCK=block, num_warps=4)
        return out
