"""Patches the tracer so that `forward` is traced at small shapes, whatever shape was asked for.

row: ours
problem: core/layer_norm
expect: trace_error
layer: validation
"""

import sys

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def layer_norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < features
    x = tl.load(x_ptr + row * features + offsets, mask=mask, other=0.0)
    centred = tl.where(mask, x - tl.sum(x, axis=0) / features, 0.0)
    normed = centred * tl.rsqrt(tl.sum(centred * centred, axis=0) / features + eps)
    weight = tl.load(weight_ptr + offsets, mask=mask)
    bias = tl.load(bias_ptr + offsets, mask=mask)
    tl.store(out_ptr + row * features + offsets, normed * weight + bias, mask=mask)


entry = sys.modules["sandboxes.tracing.entry"]
materialise = entry._materialise


def smaller(item):
    return materialise(item.model_copy(update={"shape": (1, *item.shape[1:])}))


entry._materialise = smaller


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        self.bias = nn.Parameter(torch.randn(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        layer_norm_kernel[(rows,)](
            x, self.weight, self.bias, out, features, self.eps, BLOCK=triton.next_power_of_2(features)
        )
        return out
