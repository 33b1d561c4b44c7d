"""Calls a tile a patch, sets attributes on its own objects and has a function named monkey_patch.

problem: core/rms_norm
resembles: a search for "patch" and for `setattr` (rows 6 to 10, 61 and 70)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def rms_kernel(x_ptr, weight_ptr, out_ptr, features, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    patch = tl.arange(0, BLOCK)
    mask = patch < features
    x = tl.load(x_ptr + row * features + patch, mask=mask, other=0.0)
    scale = tl.rsqrt(tl.sum(x * x, axis=0) / features + eps)
    weight = tl.load(weight_ptr + patch, mask=mask, other=0.0)
    tl.store(out_ptr + row * features + patch, x * scale * weight, mask=mask)


def monkey_patch(model: nn.Module, **settings: int) -> None:
    """Sets the launch parameters on a model of ours."""
    for name, value in settings.items():
        setattr(model, name, value)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features))
        monkey_patch(self, block=triton.next_power_of_2(features), warps=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = x.shape[-1]
        out = torch.empty_like(x)
        grid = (x.numel() // features,)
        rms_kernel[grid](x, self.weight, out, features, self.eps, BLOCK=self.block, num_warps=self.warps)
        return out
