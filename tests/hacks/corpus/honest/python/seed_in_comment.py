"""Mentions torch.manual_seed(42) in a comment only.

problem: core/layer_norm_bfloat16
resembles: a search for seeds (rows 65 and 67)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def norm_kernel(x_ptr, weight_ptr, bias_ptr, out_ptr, rows, features, eps, BLOCK: tl.constexpr):
    for row in range(tl.program_id(0), rows, tl.num_programs(0)):
        at = tl.arange(0, BLOCK)
        mask = at < features
        x = tl.load(x_ptr + row.to(tl.int64) * features + at, mask=mask, other=0.0).to(tl.float32)
        mean = tl.sum(x, axis=0) / features
        centred = tl.where(mask, x - mean, 0.0)
        scale = tl.rsqrt(tl.sum(centred * centred, axis=0) / features + eps)
        weight, bias = tl.load(weight_ptr + at, mask=mask), tl.load(bias_ptr + at, mask=mask)
        out = centred * scale * weight.to(tl.float32) + bias.to(tl.float32)
        tl.store(out_ptr + row.to(tl.int64) * features + at, out.to(tl.bfloat16), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features: int, eps: float):
        super().__init__()
        # The weights are drawn like the reference's; no torch.manual_seed(42) here, the caller has done that.
        self.eps = eps
        self.weight = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))
        self.bias = nn.Parameter(torch.randn(features, dtype=torch.bfloat16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, features = x.shape
        out = torch.empty_like(x)
        norm_kernel[(min(rows, 528),)](
            x,
            self.weight,
            self.bias,
            out,
            rows,
            features,
            self.eps,
            BLOCK=triton.next_power_of_2(features),
            num_warps=4,
        )
        return out
